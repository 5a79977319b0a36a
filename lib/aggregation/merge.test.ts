import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../federation/protocol/json.ts';
import type { Objects } from '../storage/contract.ts';
import { createMemoryObjects } from '../storage/memory.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { Weights } from '../weights/weights.ts';
import { fedavg } from './fedavg.ts';
import type { MergeInput } from './inputs.ts';
import { mergeUpdates } from './merge.ts';

const BUCKET = 'b';
const SAMPLES = { berlin: 5, hamburg: 1, heidelberg: 78, munich: 30 };
const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/weights/merge/${name}.safetensors`, import.meta.url));

const model = (...values: number[]): Weights =>
  new Map([
    ['a', { dtype: 'F32', shape: [1], data: Float32Array.of(values[0] as number) }],
    ['w', { dtype: 'F32', shape: [values.length - 1], data: Float32Array.from(values.slice(1)) }],
  ]);

async function store(objects: Objects, site: string, samples: number, file: Uint8Array): Promise<MergeInput> {
  const key = `updates/${site}.safetensors`;
  await objects.put(BUCKET, key, file);
  return { site, samples, weights: { key, sha256: sha256Hex(file), bytes: file.length } };
}

const storeFixtures = (objects: Objects) =>
  Promise.all(Object.entries(SAMPLES).map(([site, samples]) => store(objects, site, samples, fixture(site))));

const merge = (objects: Objects, inputs: readonly MergeInput[], options: { sliceBytes?: number; base?: string } = {}) =>
  mergeUpdates(inputs, { objects, bucket: BUCKET, key: 'global', strategy: fedavg, ...options });

/** Which of S3's two ways of writing was taken. */
function counting(objects: Objects) {
  const calls: string[] = [];
  const counted: Objects = {
    ...objects,
    put: (...args) => {
      calls.push('put');
      return objects.put(...args);
    },
    putParts: (bucket, key, parts) => {
      calls.push('putParts');
      return objects.putParts(bucket, key, parts);
    },
  };
  return { counted, calls };
}

describe('mergeUpdates', () => {
  it('is the weighted mean that numpy computes, rounded once', async () => {
    const objects = createMemoryObjects();

    const merging = await merge(objects, await storeFixtures(objects));

    const merged = (await objects.get(BUCKET, 'global')).body;
    const expected = decodeSafetensors(fixture('mean'));
    for (const [name, { data, shape }] of decodeSafetensors(merged)) {
      expect(shape).toEqual(expected.get(name)?.shape);
      // Both are float64 sums rounded once, in different orders: at most the last bit may differ.
      const bits = new Int32Array(data.slice().buffer);
      const theirs = new Int32Array(expected.get(name)?.data.slice().buffer as ArrayBuffer);
      for (const [i, value] of bits.entries()) expect(Math.abs(value - (theirs[i] as number))).toBeLessThanOrEqual(1);
    }
    expect(merging).toEqual({
      kind: 'merged',
      global: { key: 'global', sha256: sha256Hex(merged), bytes: merged.length },
    });
  });

  it('writes the same bytes whatever the slices, in one request or in parts', async () => {
    const objects = createMemoryObjects();
    const inputs = await storeFixtures(objects);
    const whole = await merge(objects, inputs);
    for (const sliceBytes of [4, 12, 256, 440, 444]) {
      const { counted, calls } = counting(objects);
      expect(await merge(counted, inputs, { sliceBytes })).toEqual(whole);
      expect(calls).toEqual([sliceBytes < 444 ? 'putParts' : 'put']);
    }
  });

  it('is the update itself where all sites send the same', async () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true });
    const values = fc.array(value, { minLength: 2, maxLength: 9 });
    const samples = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(values, samples, async (numbers, counts) => {
        const objects = createMemoryObjects();
        const file = encodeSafetensors(model(...numbers));
        const inputs = await Promise.all(counts.map((count, i) => store(objects, `s${i}`, count, file)));
        expect(await merge(objects, inputs)).toMatchObject({ global: { sha256: sha256Hex(file) } });
      }),
    );
  });

  it('reads each byte of every update once', async () => {
    const objects = createMemoryObjects();
    const inputs = await storeFixtures(objects);
    const read = new Map<string, number>();
    const spy: Objects = {
      ...objects,
      getRange: async (bucket, key, start, end) => {
        const bytes = await objects.getRange(bucket, key, start, end);
        if (start > 0) read.set(key, (read.get(key) ?? 0) + bytes.length);
        return bytes;
      },
    };

    await merge(spy, inputs, { sliceBytes: 64 });

    expect([...read.values()]).toEqual(inputs.map(() => 444));
  });
});

describe('mergeUpdates refuses', () => {
  const good = encodeSafetensors(model(1, 2, 3));
  /** Each writes something wrong as the update of munich. */
  const faults: readonly [string, (objects: Objects) => Promise<MergeInput>, RegExp][] = [
    [
      'a value that is NaN',
      (o) => store(o, 'munich', 1, encodeSafetensors(model(1, 2, Number.NaN))),
      /tensor "w".*not finite/,
    ],
    [
      'an infinite value',
      (o) => store(o, 'munich', 1, encodeSafetensors(model(Number.NEGATIVE_INFINITY, 2, 3))),
      /tensor "a".*not finite/,
    ],
    [
      'another shape',
      (o) => store(o, 'munich', 1, encodeSafetensors(model(1, 2, 3, 4))),
      /"w" is F32 \[3\], in the global model F32 \[2\]/,
    ],
    ['what is no safetensors file', (o) => store(o, 'munich', 1, Buffer.from('no weights at all')), /header claims/],
    [
      'bytes of another hash',
      async (o) => {
        const input = await store(o, 'munich', 1, good);
        await o.put(BUCKET, input.weights.key, encodeSafetensors(model(1, 2, 4)));
        return input;
      },
      /SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}/,
    ],
    [
      'a file cut short',
      async (o) => {
        const input = await store(o, 'munich', 1, good);
        await o.put(BUCKET, input.weights.key, good.subarray(0, -4));
        return input;
      },
      /end before byte 12/,
    ],
    [
      'a file of other length than its metadata says',
      async (o) => {
        const input = await store(o, 'munich', 1, good);
        return { ...input, weights: { ...input.weights, bytes: 1 } };
      },
      /metadata says 1/,
    ],
    [
      'a missing file',
      async (o) => {
        const input = await store(o, 'munich', 1, good);
        await o.delete(BUCKET, input.weights.key);
        return input;
      },
      /no such object/,
    ],
  ];

  it.each(faults)('%s, for good, and leaves nothing behind', async (_, write, reason) => {
    const objects = createMemoryObjects();
    const berlin = await store(objects, 'berlin', 3, good);
    const hamburg = await store(objects, 'hamburg', 1, encodeSafetensors(model(5, 6, 7)));
    const munich = await write(objects);

    for (const sliceBytes of [4, 1024]) {
      expect(await merge(objects, [berlin, hamburg, munich], { sliceBytes, base: berlin.weights.key })).toEqual({
        kind: 'refused',
        refused: [{ input: munich, reason: expect.stringMatching(reason), forGood: true }],
      });
      expect(await objects.head(BUCKET, 'global')).toBeUndefined();
    }
    expect(await merge(objects, [berlin, hamburg])).toMatchObject({
      global: { sha256: sha256Hex(encodeSafetensors(model(2, 3, 4))) },
    });
  });

  it('an odd one out among updates with no model to start from, for as long as it is one', async () => {
    const objects = createMemoryObjects();
    const odd = await store(objects, 'berlin', 1, encodeSafetensors(model(1, 2, 3, 4)));
    const others = [await store(objects, 'hamburg', 1, good), await store(objects, 'munich', 1, good)];

    expect(await merge(objects, [odd, ...others])).toEqual({
      kind: 'refused',
      refused: [{ input: odd, reason: 'tensor "w" is F32 [3], in most updates F32 [2]', forGood: false }],
    });
  });

  it('nothing for a failure of the storage: that is thrown, to be tried again', async () => {
    const objects = createMemoryObjects();
    const berlin = await store(objects, 'berlin', 3, good);
    const broken: Objects = { ...objects, put: () => Promise.reject(new Error('503 slow down')) };
    await expect(merge(broken, [berlin])).rejects.toThrow('503 slow down');
  });
});

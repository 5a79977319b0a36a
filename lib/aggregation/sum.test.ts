import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { keyOf } from '../federation/testing.ts';
import { sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { decodeTensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { Tensor, Tensors } from '../weights/weights.ts';
import type { MergeInput } from './inputs.ts';
import { type SumOptions, sumUpdates } from './sum.ts';
import { memoryStore, storeUpdate } from './testing.ts';

/** What one request reads of a file. */
const SLICE_VALUES = 1024 * 1024;
const KEY = keyOf('sum');

const i32 = (values: Int32Array): Tensor => ({ dtype: 'I32', shape: [values.length], data: values });
/** A masked file: its first value are the weights, the others are of one tensor. */
const masked = (...values: number[]): Tensors =>
  new Map([
    ['secure/weights', i32(Int32Array.from(values.slice(0, 1)))],
    ['w', i32(Int32Array.from(values.slice(1)))],
  ]);

const sum = (store: FederationStore, inputs: readonly MergeInput[], options: Partial<SumOptions> = {}) =>
  sumUpdates(inputs, { store, key: KEY, layout: masked(0, 0, 0), maxUpdateBytes: 1000, ...options });

const wordsOf = async (store: FederationStore) =>
  [...decodeTensors((await store.get(KEY)).body)].map(([name, { data }]) => [name, ...data]);

describe('the sum of masked updates', () => {
  test('is modulo 2³², value by value, in a file of the same layout', async () => {
    const store = memoryStore();
    const inputs = [
      await storeUpdate(store, 'berlin', 1, masked(3, 2 ** 31 - 1, -5)),
      await storeUpdate(store, 'munich', 1, masked(4, 1, -7)),
      await storeUpdate(store, 'ulm', 1, masked(5, 1, 2)),
    ];

    const summed = await sum(store, inputs);

    expect(await wordsOf(store)).toEqual([
      ['secure/weights', 12],
      ['w', 1 - 2 ** 31, -10],
    ]);
    const { body } = await store.get(KEY);
    expect(summed).toEqual({ kind: 'summed', sum: { key: KEY, sha256: sha256Hex(body), bytes: body.length } });
  });

  test('of one update is its values', async () => {
    const store = memoryStore();

    await sum(store, [await storeUpdate(store, 'berlin', 1, masked(3, -4, 5))]);

    expect(await wordsOf(store)).toEqual([
      ['secure/weights', 3],
      ['w', -4, 5],
    ]);
  });

  test('goes through files of several slices, and calls onPart after each', async () => {
    const store = memoryStore();
    const values = Int32Array.from({ length: SLICE_VALUES + 3 }, (_, i) => i);
    const file = new Map([['w', i32(values)]]);
    const inputs = [await storeUpdate(store, 'berlin', 1, file), await storeUpdate(store, 'munich', 1, file)];
    let parts = 0;
    const onPart = async () => {
      parts++;
    };

    await sum(store, inputs, { layout: file, maxUpdateBytes: 1e7, onPart });

    const { data } = decodeTensors((await store.get(KEY)).body).get('w') as Tensor;
    const expected = values.map((value) => 2 * value);
    expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(Buffer.from(expected.buffer))).toBe(true);
    expect(parts).toBe(2);
  });

  const good = encodeSafetensors(masked(1, 2, 3));
  test.each<[string, (store: FederationStore) => Promise<MergeInput>, RegExp]>([
    [
      'with another length',
      (o) => storeUpdate(o, 'munich', 1, masked(1, 2, 3, 4)),
      /"w" is I32 \[3\].*it is I32 \[2\]/,
    ],
    [
      'of floats',
      (o) =>
        storeUpdate(
          o,
          'munich',
          1,
          new Map([...masked(1, 0, 0), ['w', { dtype: 'F32', shape: [2], data: new Float32Array(2) }]]),
        ),
      /"w" is F32/,
    ],
    [
      'of another tensor',
      (o) =>
        storeUpdate(
          o,
          'munich',
          1,
          new Map([...masked(1, 2, 3)].map(([name, tensor]) => [name === 'w' ? 'x' : name, tensor])),
        ),
      /"w" of the global model is missing/,
    ],
    [
      'that is larger than allowed',
      (o) => storeUpdate(o, 'munich', 1, masked(...new Array(300).fill(1))),
      /1000 are allowed/,
    ],
    [
      'with a longer header than the layout has',
      (o) => storeUpdate(o, 'munich', 1, encodeSafetensors(masked(1, 2, 3), { note: 'x'.repeat(100) })),
      /header claims \d+ bytes/,
    ],
    [
      'that is missing',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.delete(input.weights.key);
        return input;
      },
      /munich.safetensors/,
    ],
    [
      'that is truncated',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.put(input.weights.key, good.subarray(0, -4));
        return input;
      },
      /has \d+ bytes, not the \d+ that its metadata says/,
    ],
    [
      'with other values than its metadata says',
      async (o) => {
        const input = await storeUpdate(o, 'munich', 1, good);
        await o.put(input.weights.key, encodeSafetensors(masked(1, 2, 4)));
        return input;
      },
      /SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}/,
    ],
  ])('is not written with an update %s, which is refused alone', async (_, storeBad, reason) => {
    const store = memoryStore();
    const bad = await storeBad(store);

    const summed = await sum(store, [await storeUpdate(store, 'berlin', 1, good), bad]);

    const refused = { input: bad, reason: expect.stringMatching(reason), permanent: true };
    expect(summed).toEqual({ kind: 'refused', refused: [refused] });
    expect(await store.head(KEY)).toBeUndefined();
  });

  test('blames nobody for an error of the storage', async () => {
    const store = memoryStore();
    const inputs = [await storeUpdate(store, 'berlin', 1, good)];
    const failing: FederationStore = {
      ...store,
      putParts: async () => {
        throw new FedcardioError('STORAGE', 'No space is left.');
      },
    };

    await expect(sum(failing, inputs)).rejects.toThrow('No space is left.');
  });
});

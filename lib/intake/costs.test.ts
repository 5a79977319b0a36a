import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { VoxelArray } from '../imaging/volume.ts';
import { seededRandom } from '../random.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { intakeCases } from './intake.ts';
import { FIRST_RANGE_BYTES } from './ranges.ts';
import { GRID, hingeMarkups, image, testSite } from './testing.ts';

/** A site whose store records requests and the bytes read by object. */
function meteredSite() {
  const memory = createMemoryStorage();
  const calls: string[] = [];
  let listed = 0;
  const bytes: Record<string, number> = {};
  const record = (call: string, key: string, body?: Uint8Array) => {
    calls.push(`${call} ${key}`);
    if (body) bytes[key] = (bytes[key] ?? 0) + body.length;
  };
  const openBucket = wrapBuckets(memory, (store) => ({
    ...store,
    stream: () => expect.unreachable(),
    get: () => expect.unreachable(),
    tryGet: async (key) => {
      const found = await store.tryGet(key);
      record('tryGet', key, found?.body);
      return found;
    },
    getRange: async (key, start, end) => {
      const body = await store.getRange(key, start, end);
      record('getRange', key, body);
      return body;
    },
    list: async function* (prefix) {
      record('list', prefix);
      for await (const info of store.list(prefix)) {
        listed += 1;
        yield info;
      }
    },
    head: (key) => {
      record('head', key);
      return store.head(key);
    },
    put: (key, ...rest) => {
      record('put', key);
      return store.put(key, ...rest);
    },
    putIfAbsent: (key, body) => {
      record('putIfAbsent', key);
      return store.putIfAbsent(key, body);
    },
  }));
  const site = testSite(openBucket);
  const unmetered = testSite(memory);
  return {
    ...site,
    /** Reconciles cases once. Returns the requests made, and the bytes read by object. */
    async cost(...caseIds: readonly string[]) {
      calls.length = 0;
      listed = 0;
      for (const key of Object.keys(bytes)) delete bytes[key];
      await intakeCases(site.context, caseIds);
      return { calls: [...calls], bytes: { ...bytes } };
    },
    /** Objects that the last {@link cost} listed. */
    objectsListed: () => listed,
    upload: unmetered.put,
    size: async (key: string) => (await unmetered.store.head(siteKeys.ofEvent(key)))?.bytes,
  };
}

const SIDE = 64;
const BIG = { ...GRID, shape: [SIDE, SIDE, SIDE] } as const;
const noise = <T extends VoxelArray>(data: T, value: (random: number) => number): T => {
  const random = seededRandom('costs');
  for (let i = 0; i < data.length; i += 1) data[i] = value(random());
  return data;
};
/** 512 KiB that compress badly, so that the file is larger than the first range. */
const bigCt = { ...BIG, data: noise(new Int16Array(SIDE ** 3), (u) => Math.floor(2000 * u) - 1000) };
const broken = (edit: (file: Buffer) => void) => {
  const file = Buffer.from(writeNifti(bigCt, { gzip: false }));
  edit(file);
  return file;
};
const bigLabel = (shape: typeof BIG.shape) =>
  writeNifti({ ...BIG, shape, data: new Uint8Array(SIDE ** 3).fill(1, 500, 600) }, { gzip: false });

const IMAGE = 'cases/p7/image.nii.gz';

describe('bytes read', () => {
  test('reads every file of a good case once and completely', async () => {
    const { upload, cost, size, catalog } = meteredSite();
    const label = 'cases/p7/labels/calcification.nii.gz';
    const points = 'cases/p7/labels/hinge-points.mrk.json';
    await upload(IMAGE, writeNifti(bigCt));
    await upload(label, bigLabel(BIG.shape));
    await upload(points, hingeMarkups());

    const { bytes } = await cost('p7');

    expect(Object.keys((await catalog('p7'))?.labels ?? {})).toHaveLength(2);
    expect(await size(IMAGE)).toBeGreaterThan(2 * FIRST_RANGE_BYTES);
    expect(bytes).toEqual({ [IMAGE]: await size(IMAGE), [label]: await size(label), [points]: await size(points) });
  });

  test.each([
    ['a picture', broken((file) => void file.write('\x89PNG', 0, 'latin1'))],
    ['a volume without spacing', broken((file) => file.writeFloatLE(0, 84))],
    [
      'a volume of two phases',
      broken((file) => [4, SIDE, SIDE, SIDE / 2, 2].forEach((n, i) => void file.writeInt16LE(n, 40 + 2 * i))),
    ],
    ['a header that declares too much', broken((file) => file.writeInt16LE(30_000, 46))],
    ['a gzipped slice', writeNifti({ ...bigCt, shape: [SIDE, SIDE ** 2, 1] })],
  ])('reads only the first range of %s, and no label', async (_what, body) => {
    const { upload, cost, rejected } = meteredSite();
    await upload(IMAGE, body);
    await upload('cases/p7/labels/calcification.nii.gz', bigLabel(BIG.shape));
    const { bytes } = await cost('p7');
    expect((await rejected('p7'))?.objects).toHaveLength(1);
    expect(bytes).toEqual({ [IMAGE]: FIRST_RANGE_BYTES });
  });

  test('reads only the first range of a label on another grid', async () => {
    const { upload, cost, size } = meteredSite();
    const label = 'cases/p7/labels/calcification.nii.gz';
    await upload(IMAGE, writeNifti(bigCt));
    await upload(label, bigLabel([SIDE, SIDE / 2, SIDE * 2] as never));
    const { bytes } = await cost('p7');
    expect(bytes).toEqual({ [IMAGE]: await size(IMAGE), [label]: FIRST_RANGE_BYTES });
  });

  test('reads no uploaded file for a repeated event, only documents of intake', async () => {
    const { upload, cost, catalog } = meteredSite();
    await upload(IMAGE, writeNifti(bigCt));
    await upload('cases/p7/labels/calcification.nii.gz', bigLabel(BIG.shape));
    await cost('p7');
    const { bytes, calls } = await cost('p7');
    const content = `content/${(await catalog('p7'))?.image.content}.json`;
    expect(Object.keys(bytes).sort()).toEqual(['catalog/p7.json', content]);
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
  });

  test('reads an added label without reading its image again', async () => {
    const { upload, cost, size, catalog } = meteredSite();
    const label = 'cases/p7/labels/calcification.nii.gz';
    await upload(IMAGE, writeNifti(bigCt));
    await cost('p7');
    await upload(label, bigLabel(BIG.shape));
    const { bytes } = await cost('p7');
    expect((await catalog('p7'))?.labels.calcification).toBeDefined();
    expect(bytes[label]).toBe(await size(label));
    expect(bytes[IMAGE]).toBeUndefined();
  });
});

describe('requests', () => {
  const numbered = Array.from({ length: 10 }, (_, i) => `p${i + 10}`);
  const pseudonyms = numbered.map((name) => `${name}-${name}`);

  const countByMethod = (calls: readonly string[]) => {
    const counts: Record<string, number> = {};
    for (const call of calls) counts[call.split(' ')[0] as string] = (counts[call.split(' ')[0] as string] ?? 0) + 1;
    return counts;
  };

  test('lists numbered cases of a batch together, before and after the write', async () => {
    const { upload, cost, catalog } = meteredSite();
    for (const [i, id] of numbered.entries()) await upload(`cases/${id}/image.nii.gz`, image(i));
    expect(countByMethod((await cost(...numbered)).calls)).toEqual({ list: 6, getRange: 10, putIfAbsent: 10, put: 10 });
    expect(await catalog('p19')).toBeDefined();
  });

  test('lists cases with other names one by one', async () => {
    const { upload, cost, catalog } = meteredSite();
    for (const [i, id] of pseudonyms.entries()) await upload(`cases/${id}/image.nii.gz`, image(i));
    const { calls } = await cost(...pseudonyms);
    expect(countByMethod(calls)).toEqual({ tryGet: 20, list: 40, getRange: 10, putIfAbsent: 10, put: 10 });
    expect(await catalog('p19-p19')).toBeDefined();
  });

  test('does not list a whole site for short names, however many cases it has', async () => {
    const { upload, cost, objectsListed, catalog } = meteredSite();
    for (let i = 0; i < 3000; i += 1) {
      await upload(`cases/p${i}/image.nii.gz`, 'x');
      await upload(`catalog/p${i}.json`, '{}');
    }
    await upload('cases/p1/image.nii.gz', image(1));
    await upload('cases/p2/image.nii.gz', image(2));

    const { calls } = await cost('p1', 'p2');

    expect(await catalog('p1')).toBeDefined();
    expect(await catalog('p2')).toBeDefined();
    // A page of each prefix with too many objects, which are three here and one after the write, and no second one.
    expect(objectsListed()).toBeLessThan(3100);
    expect(countByMethod(calls).list).toBeLessThanOrEqual(14);
  });

  test('does not reconcile other cases whose names start like those of a batch', async () => {
    const { upload, cost, catalog } = meteredSite();
    for (const [i, id] of ['p10', 'p11', 'p12', 'p100'].entries()) await upload(`cases/${id}/image.nii.gz`, image(i));
    await cost('p10', 'p11');
    expect(await Promise.all(['p10', 'p11', 'p12', 'p100'].map(async (id) => Boolean(await catalog(id))))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

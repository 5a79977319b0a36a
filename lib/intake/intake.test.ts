import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../federation/keys.ts';
import { catalogSchema, rejectedSchema, summarySchema } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { affineOf, apply } from '../imaging/affine.ts';
import { paintLandmarks } from '../imaging/landmarks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { Grid, Volume, VoxelArray } from '../imaging/volume.ts';
import type { Objects } from '../storage/contract.ts';
import { createMemoryObjects } from '../storage/memory.ts';
import { intakeCase, rejectStray, type SiteContext } from './intake.ts';
import { createSummaryCache, refreshSummary } from './summary.ts';

const BUCKET = 'tavi-site-berlin';
const FEDERATION = 'tavi-federation';

const GRID: Grid = {
  shape: [12, 10, 8],
  affine: affineOf([
    [-1.5, 0, 0, 20],
    [0, -1.5, 0, 30],
    [0, 0, 2, 40],
  ]),
};
const VOXELS = 12 * 10 * 8;

const ct = (seed = 1, grid = GRID): Volume<Int16Array> => ({
  ...grid,
  data: new Int16Array(grid.shape[0] * grid.shape[1] * grid.shape[2]).map(
    (_, i) => ((i * 7919 + seed * 31) % 1500) - 1000,
  ),
});
const image = (seed = 1) => writeNifti(ct(seed));
const POINTS = [1, 2, 3, 4, 5].map((label) => ({ label, position: apply(GRID.affine, [2 * label, 5, 4]) }));
const hingeMap = () => writeNifti(paintLandmarks(POINTS, GRID, 1.6));
const hingeMarkups = () => writeMarkups(POINTS, TASKS['hinge-points'].classes);
const calcium = () => writeNifti({ ...GRID, data: new Uint8Array(VOXELS).fill(1, 100, 107) });

function world(objects: Objects = createMemoryObjects()) {
  let time = Date.UTC(2026, 0, 1);
  const context: SiteContext = {
    objects,
    bucket: BUCKET,
    site: 'berlin',
    now: () => {
      time += 1000;
      return new Date(time);
    },
  };
  const json = async (bucket: string, key: string) => {
    const found = await objects.tryGet(bucket, key);
    return found && JSON.parse(Buffer.from(found.body).toString());
  };
  return {
    context,
    objects,
    put: (key: string, body: Uint8Array | string) => objects.put(BUCKET, key, body),
    look: (caseId: string) => intakeCase(context, caseId),
    catalog: async (caseId: string) => {
      const found = await json(BUCKET, siteKeys.catalog(caseId));
      return found && catalogSchema.parse(found);
    },
    rejected: async (caseId: string) => {
      const found = await json(BUCKET, siteKeys.rejected(caseId));
      return found && rejectedSchema.parse(found);
    },
    summary: async () => summarySchema.parse(await json(FEDERATION, federationKeys.summary('berlin'))),
  };
}

describe('a good case', () => {
  test('is catalogued with what the image is and what the labels hold', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/hinge-points.mrk.json', hingeMarkups());
    await put('cases/p7/labels/calcification.nii.gz', calcium());

    const result = await look('p7');

    expect(result).toEqual({ catalogued: true, faults: [] });
    expect(await rejected('p7')).toBeUndefined();
    expect(await catalog('p7')).toMatchObject({
      site: 'berlin',
      case: 'p7',
      use: 'training',
      image: {
        key: 'cases/p7/image.nii.gz',
        bytes: image().length,
        shape: [12, 10, 8],
        spacing: [1.5, 1.5, 2],
        orientation: 'LPS',
        affine: GRID.affine,
        range: [Math.min(...ct().data), Math.max(...ct().data)],
      },
      labels: {
        'hinge-points': { format: 'markups', classes: { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 } },
        calcification: { format: 'class-map', classes: { 1: 7 } },
      },
    });
  });

  test('may be held out, uncompressed, scaled, or of another type', async () => {
    const { put, look, catalog } = world();
    const shifted = Buffer.from(
      writeNifti({ ...GRID, data: Uint16Array.from(ct(3).data, (hu) => hu + 1024) }, { gzip: false }),
    );
    shifted.writeFloatLE(-1024, 116);
    await put('held-out/p8/image.nii', shifted);
    await look('p8');
    expect(await catalog('p8')).toMatchObject({
      use: 'evaluation',
      image: { range: [Math.min(...ct(3).data), Math.max(...ct(3).data)] },
    });
  });

  test('waits for its image: labels alone are no error', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/labels/hinge-points.nii.gz', hingeMap());
    expect(await look('p7')).toEqual({ catalogued: false, faults: [] });
    expect([await catalog('p7'), await rejected('p7')]).toEqual([undefined, undefined]);

    await put('cases/p7/image.nii.gz', image());
    await look('p7');
    expect((await catalog('p7'))?.labels['hinge-points']?.format).toBe('class-map');
  });

  test('with an empty segmentation has a label: no calcium is a finding', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', writeNifti({ ...GRID, data: new Uint8Array(VOXELS) }));
    await look('p7');
    expect((await catalog('p7'))?.labels.calcification?.classes).toEqual({ 1: 0 });
  });
});

const constant = (value: number) => writeNifti({ ...GRID, data: new Int16Array(VOXELS).fill(value) });
const floats = (f: (i: number) => number) =>
  writeNifti({ ...GRID, data: new Float32Array(VOXELS).map((_, i) => f(i)) });
const header = (edit: (file: Buffer) => void) => {
  const file = Buffer.from(writeNifti(ct(), { gzip: false }));
  edit(file);
  return gzipSync(file);
};
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(500).fill(7)]);

const BAD_IMAGES: readonly (readonly [what: string, body: Uint8Array | string, reason: RegExp])[] = [
  ['cut off', image().subarray(0, 700), /compressed data end too early/],
  ['text', 'heart of patient 7'.repeat(100), /not a NIfTI file/],
  ['nothing', '', /empty \(0 bytes\)/],
  ['a PNG', PNG, /PNG picture/],
  ['2D', header((file) => file.writeInt16LE(2, 40)), /2D image \(12×10\)/],
  ['one slice', header((file) => file.writeInt16LE(1, 46)), /single slice \(12×10×1\)/],
  [
    '4D',
    header((file) => [4, 12, 10, 4, 2].forEach((side, i) => void file.writeInt16LE(side, 40 + 2 * i))),
    /several volumes/,
  ],
  ['zero spacing', header((file) => file.writeFloatLE(0, 84)), /spacing is given as 1.5 × 0 × 2 mm/],
  ['NaN spacing', header((file) => file.writeFloatLE(Number.NaN, 80)), /NaN × 1.5 × 2 mm/],
  [
    'metres',
    writeNifti({
      ...ct(),
      affine: affineOf([
        [0.001, 0, 0, 0],
        [0, 0.001, 0, 0],
        [0, 0, 0.002, 0],
      ]),
    }),
    /no CT scanner/,
  ],
  ['no voxels', header((file) => file.writeInt16LE(0, 44)), /no voxels/],
  ['one value', constant(-1000), /empty: every voxel has the value -1000/],
  ['oversized', header((file) => file.writeInt16LE(32000, 46)), /declares 12×10×32000 voxels/],
  [
    'oversized by far',
    header((file) => [32767, 32767, 32767].forEach((side, i) => void file.writeInt16LE(side, 42 + 2 * i))),
    /impossible size/,
  ],
  ['normalised', floats((i) => i / VOXELS), /from 0 to .* are not HU/],
  [
    'greyscale',
    writeNifti({ ...GRID, data: new Uint8Array(VOXELS).map((_, i) => i % 256) }),
    /from 0 to 255, are not HU/,
  ],
  ['no intercept', writeNifti({ ...GRID, data: Int16Array.from(ct().data, (hu) => hu + 1024) }), /are not HU/],
  ['astronomic', floats((i) => (i - 5) * 1e9), /are not HU/],
  ['with NaN', floats((i) => (i % 100 === 0 ? Number.NaN : i - 500)), /10 of its voxels hold no number/],
];

describe('a bad image is rejected in words, and nothing of the case is catalogued', () => {
  test.each(BAD_IMAGES)('%s', async (_what, body, reason) => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', body);
    await put('cases/p7/labels/calcification.nii.gz', calcium());

    const { catalogued } = await look('p7');

    expect(catalogued).toBe(false);
    expect(await catalog('p7')).toBeUndefined();
    const [fault, ...more] = (await rejected('p7'))?.objects ?? [];
    expect(more).toEqual([]);
    expect(fault).toMatchObject({
      key: 'cases/p7/image.nii.gz',
      code: 'BAD_IMAGE',
      reason: expect.stringMatching(reason),
    });
    expect(fault?.hint).toBeTruthy();
  });

  test('a good case whose image is replaced by a bad one leaves the catalog, and comes back with a good one', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await look('p7');
    await put('cases/p7/image.nii.gz', PNG);
    await look('p7');
    expect(await catalog('p7')).toBeUndefined();
    expect(await rejected('p7')).toBeDefined();
    await put('cases/p7/image.nii.gz', image(2));
    await look('p7');
    expect(await catalog('p7')).toBeDefined();
    expect(await rejected('p7')).toBeUndefined();
  });
});

const mapOf = (data: VoxelArray) => writeNifti({ ...GRID, data });
const values = (...some: readonly number[]) => new Float32Array(VOXELS).map((_, i) => some[i] ?? 0);
const sliceLess = { shape: [12, 10, 7], affine: GRID.affine, data: new Uint8Array(840) } as const;
const shifted = {
  ...GRID,
  affine: affineOf([
    [-1.5, 0, 0, 23],
    [0, -1.5, 0, 30],
    [0, 0, 2, 40],
  ]),
  data: new Uint8Array(VOXELS),
};
const outside = writeMarkups([{ label: 2, position: [500, 0, 0] }], TASKS['hinge-points'].classes);

const BAD_LABELS: readonly (readonly [what: string, name: string, body: Uint8Array | string, reason: RegExp])[] = [
  ['of another shape', 'calcification.nii.gz', writeNifti(sliceLess), /12×10×7 voxels, the image 12×10×8/],
  ['elsewhere', 'calcification.nii.gz', writeNifti(shifted), /elsewhere than the image, by up to 3\.0 mm/],
  ['with unknown classes', 'calcification.nii.gz', mapOf(values(0, 1, 2, 7)), /values 2, 7, which are no classes/],
  ['with fractions', 'calcification.nii.gz', mapOf(values(0.5, 1)), /values 0\.5/],
  ['with NaN', 'calcification.nii.gz', mapOf(values(Number.NaN)), /values NaN/],
  ['with negative values', 'calcification.nii.gz', mapOf(values(-1)), /values -1/],
  ['without a landmark', 'hinge-points.nii.gz', mapOf(new Uint8Array(VOXELS)), /no landmark/],
  ['that is a picture', 'hinge-points.nii.gz', PNG, /PNG picture/],
  ['cut off', 'hinge-points.nii.gz', hingeMap().subarray(0, 60), /end too early/],
  ['outside the image', 'hinge-points.mrk.json', outside, /outside the image: hinge-left/],
  ['that is no JSON', 'hinge-points.mrk.json', '{', /not a JSON file/],
  ['with other names', 'hinge-points.mrk.json', hingeMarkups().replace('ostium-left', 'F-1'), /named "F-1"/],
  ['of points without a place', 'hinge-points.mrk.json', writeMarkups([], []), /no landmark/],
  ['of points for a segmentation', 'calcification.mrk.json', hingeMarkups(), /is a segmentation/],
  ['far too large', 'hinge-points.mrk.json', ' '.repeat(2 << 20), /too large for a markups file/],
  ['of an unknown task', 'aortic-arch.nii.gz', hingeMap(), /no task "aortic-arch"/],
  ['in an unknown format', 'calcification.nrrd', 'NRRD0004', /not expected in a case/],
];

describe('a bad label is rejected in words, and the case is catalogued without it', () => {
  test.each(BAD_LABELS)('%s', async (_what, name, body, reason) => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await put(`cases/p7/labels/${name}`, body);
    await put('cases/p7/labels/membranous-septum.nii.gz', writeNifti(paintLandmarks(POINTS.slice(0, 2), GRID, 1.6)));

    await look('p7');

    expect(Object.keys((await catalog('p7'))?.labels ?? {})).toEqual(['membranous-septum']);
    const [fault, ...more] = (await rejected('p7'))?.objects ?? [];
    expect(more).toEqual([]);
    expect(fault?.key).toBe(`cases/p7/labels/${name}`);
    expect(fault?.reason).toMatch(reason);
    expect(fault?.hint).toBeTruthy();
    expect(['BAD_LABEL', 'BAD_KEY']).toContain(fault?.code);
  });

  test('two labels of one task: the points are used, the map is named', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/hinge-points.nii.gz', hingeMap());
    await put('cases/p7/labels/hinge-points.mrk.json', hingeMarkups());
    const { faults } = await look('p7');
    expect((await catalog('p7'))?.labels['hinge-points']?.format).toBe('markups');
    expect(faults).toMatchObject([
      { key: 'cases/p7/labels/hinge-points.nii.gz', reason: expect.stringMatching(/two labels/) },
    ]);
  });

  test('a label is checked again when the image under it changes', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', calcium());
    await look('p7');
    await put('cases/p7/image.nii.gz', writeNifti(ct(1, { ...GRID, shape: [12, 10, 9] })));
    await look('p7');
    expect((await catalog('p7'))?.labels).toEqual({});
    expect((await rejected('p7'))?.objects[0]?.key).toBe('cases/p7/labels/calcification.nii.gz');
  });
});

describe('names and duplicates', () => {
  test('a case name that may be a patient’s is refused', async () => {
    const { put, look, rejected } = world();
    await put('cases/Müller, Hans/image.nii.gz', image());
    await look('Müller, Hans');
    expect((await rejected('Müller, Hans'))?.objects[0]).toMatchObject({
      code: 'BAD_KEY',
      hint: expect.stringMatching(/pseudonym/),
    });
  });

  test('a file beside the case folders is named', async () => {
    const { context, put, rejected } = world();
    await put('cases/scan.nii.gz', image());
    await rejectStray(context, 'cases/scan.nii.gz');
    expect((await rejected('scan.nii.gz'))?.objects[0]).toMatchObject({
      reason: expect.stringMatching(/no case folder/),
    });
  });

  test('folders that a console makes are no files', async () => {
    const { put, look } = world();
    await put('cases/p7/labels/', '');
    await put('cases/p7/image.nii.gz', image());
    expect(await look('p7')).toEqual({ catalogued: true, faults: [] });
  });

  test('a second image of a case, and a case both trained on and held out', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image(1));
    await put('cases/p7/image.nii', image(2));
    await put('held-out/p7/image.nii.gz', image(3));
    const { faults } = await look('p7');
    expect((await catalog('p7'))?.image.key).toBe('held-out/p7/image.nii.gz');
    expect(faults.map(({ key }) => key)).toEqual(['cases/p7/image.nii.gz', 'cases/p7/image.nii']);
  });

  test('the same volume as two cases: the second is rejected, however it is packed', async () => {
    const { put, look, catalog, rejected } = world();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p8/image.nii', writeNifti(ct(), { gzip: false, description: 'copy' }));
    await look('p7');
    await look('p8');
    expect(await catalog('p7')).toBeDefined();
    expect(await catalog('p8')).toBeUndefined();
    expect((await rejected('p8'))?.objects[0]?.reason).toBe('It is the same volume as the image of case p7.');

    await look('p7');
    expect(await rejected('p7')).toBeUndefined();
  });

  test.each([
    ['is removed', ({ objects }: ReturnType<typeof world>) => objects.delete(BUCKET, 'cases/p7/image.nii.gz')],
    ['gets another image', ({ put }: ReturnType<typeof world>) => put('cases/p7/image.nii.gz', image(5))],
    ['gets a bad image', ({ put }: ReturnType<typeof world>) => put('cases/p7/image.nii.gz', PNG)],
  ])('a volume is free again when the case that had it %s', async (_what, change) => {
    const all = world();
    await all.put('cases/p7/image.nii.gz', image());
    await all.put('cases/p8/image.nii.gz', image());
    await all.look('p7');
    await all.look('p8');
    await change(all);
    await all.look('p7');
    await all.look('p8');
    expect(await all.catalog('p8')).toBeDefined();
    expect(await all.rejected('p8')).toBeUndefined();
  });
});

/** Memory objects that count what is asked of them. */
function counting(objects: Objects) {
  const calls: string[] = [];
  const counted = new Proxy(objects, {
    get: (target, name: keyof Objects) => {
      const f = target[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        calls.push(`${name} ${String(args[1])}`);
        return f(...args);
      };
    },
  });
  return { counted, calls };
}

describe('the same event again', () => {
  test('changes nothing and reads no volume', async () => {
    const { counted, calls } = counting(createMemoryObjects());
    const { context, put, look } = world(counted);
    const cache = createSummaryCache();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', calcium());
    await look('p7');
    await refreshSummary(context, FEDERATION, cache);
    calls.length = 0;

    await look('p7');
    await refreshSummary(context, FEDERATION, cache);

    expect(calls.filter((call) => /^(put|delete|putParts) /.test(call))).toEqual([]);
    expect(calls.filter((call) => /^stream|image\.nii|labels/.test(call))).toEqual([]);
  });

  test('a bad image is read once, and its rejection is not written again', async () => {
    const { counted, calls } = counting(createMemoryObjects());
    const { put, look } = world(counted);
    await put('cases/p7/image.nii.gz', PNG);
    calls.length = 0;
    await look('p7');
    expect(calls.filter((call) => call.startsWith('stream'))).toHaveLength(1);
    calls.length = 0;
    await look('p7');
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
  });

  test('a catalog entry that cannot be read is made anew', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image());
    await put(siteKeys.catalog('p7'), '{"schema":"fedcardio.catalog/0"}');
    await look('p7');
    expect(await catalog('p7')).toBeDefined();
  });
});

test('a failure of storage is no reason to reject', async () => {
  const objects = createMemoryObjects();
  const failing: Objects = { ...objects, stream: () => Promise.reject(new Error('connection reset')) };
  const { put, look, rejected } = world(failing);
  await put('cases/p7/image.nii.gz', image());
  await expect(look('p7')).rejects.toThrow('connection reset');
  expect(await rejected('p7')).toBeUndefined();
});

test('the summary counts cases and labels by use, and reads each entry once', async () => {
  const { counted, calls } = counting(createMemoryObjects());
  const { context, put, look, summary } = world(counted);
  const cache = createSummaryCache();
  for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));
  await put('held-out/p4/image.nii.gz', image(9));
  await put('cases/p5/image.nii.gz', PNG);
  await put('cases/p1/labels/calcification.nii.gz', calcium());
  await put('cases/p2/labels/hinge-points.nii.gz', hingeMap());
  await put('held-out/p4/labels/calcification.nii.gz', calcium());
  for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await look(id);
  await refreshSummary(context, FEDERATION, cache);

  const none = { 'hinge-points': 0, 'membranous-septum': 0, calcification: 0, 'coronary-arteries': 0 };
  expect(await summary()).toMatchObject({
    site: 'berlin',
    cases: { training: 3, evaluation: 1, rejected: 1 },
    labelled: { ...none, calcification: 1, 'hinge-points': 1 },
    labelledEvaluation: { ...none, calcification: 1 },
  });

  await put('cases/p3/labels/calcification.nii.gz', calcium());
  await look('p3');
  calls.length = 0;
  await refreshSummary(context, FEDERATION, cache);
  expect((await summary()).labelled.calcification).toBe(2);
  expect(calls.filter((call) => call.startsWith('tryGet catalog/'))).toEqual(['tryGet catalog/p3.json']);
});

test('many at once, on uploads in any order, leave what one alone would find', async () => {
  const uploads: readonly (readonly [string, string, Uint8Array | string])[] = [
    ['p1', 'cases/p1/labels/calcification.nii.gz', calcium()],
    ['p1', 'cases/p1/image.nii.gz', PNG],
    ['p1', 'cases/p1/image.nii.gz', image(1)],
    ['p1', 'cases/p1/labels/hinge-points.mrk.json', '{'],
    ['p2', 'cases/p2/image.nii.gz', image(2)],
    ['p2', 'cases/p2/labels/hinge-points.nii.gz', hingeMap()],
    ['p3', 'held-out/p3/image.nii.gz', image(3)],
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...uploads.keys()], { minLength: uploads.length }),
      fc.scheduler(),
      async (order, scheduler) => {
        const memory = createMemoryObjects();
        const slow = scheduled(memory, scheduler);
        const { context, look } = world(slow);
        const handlers = order.map(async (index) => {
          const [caseId, key, body] = uploads[index] as (typeof uploads)[number];
          await slow.put(BUCKET, key, body);
          await look(caseId);
          await refreshSummary(context, FEDERATION, createSummaryCache());
        });
        await scheduler.waitFor(Promise.all(handlers));

        const left = await snapshot(memory);
        const alone = createMemoryObjects();
        for (const folder of ['cases/', 'held-out/']) {
          for await (const { key } of memory.list(BUCKET, folder)) {
            await alone.put(BUCKET, key, (await memory.get(BUCKET, key)).body);
          }
        }
        const quiet = world(alone);
        for (const id of ['p1', 'p2', 'p3']) await quiet.look(id);
        await refreshSummary(quiet.context, FEDERATION, createSummaryCache());
        expect(left).toEqual(await snapshot(alone));
      },
    ),
    { numRuns: 30 },
  );
});

/** Every call waits for its turn, so that fast-check can interleave the handlers as it likes. */
function scheduled(objects: Objects, scheduler: fc.Scheduler): Objects {
  const slow = <A extends unknown[], R>(f: (...args: A) => Promise<R>) => {
    const waiting = async (...args: A) => {
      await scheduler.schedule(Promise.resolve());
      return f(...args);
    };
    return waiting;
  };
  return {
    ...objects,
    put: slow(objects.put),
    tryGet: slow(objects.tryGet),
    putIfAbsent: slow(objects.putIfAbsent),
    delete: slow(objects.delete),
    stream: slow(objects.stream),
    list: async function* (bucket, prefix) {
      await scheduler.schedule(Promise.resolve());
      yield* objects.list(bucket, prefix);
    },
  };
}

async function snapshot(objects: Objects) {
  const found: Record<string, unknown> = {};
  for (const [bucket, prefix] of [
    [BUCKET, 'catalog/'],
    [BUCKET, 'rejected/'],
    [FEDERATION, 'sites/'],
  ] as const) {
    for await (const { key } of objects.list(bucket, prefix)) {
      const { at: _, ...rest } = JSON.parse(Buffer.from((await objects.get(bucket, key)).body).toString());
      found[key] = rest;
    }
  }
  return found;
}

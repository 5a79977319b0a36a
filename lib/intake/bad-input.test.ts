import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import { affineOf } from '../imaging/affine.ts';
import { paintLandmarks } from '../imaging/landmarks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { VoxelArray } from '../imaging/volume.ts';
import { calcium, ct, GRID, hingeMap, hingeMarkups, image, PNG, POINTS, testSite, VOXELS } from './testing.ts';

const constant = (value: number) => writeNifti({ ...GRID, data: new Int16Array(VOXELS).fill(value) });
const floats = (f: (i: number) => number) =>
  writeNifti({ ...GRID, data: new Float32Array(VOXELS).map((_, i) => f(i)) });
const header = (edit: (file: Buffer) => void) => {
  const file = Buffer.from(writeNifti(ct(), { gzip: false }));
  edit(file);
  return gzipSync(file);
};

const BAD_IMAGES: readonly (readonly [what: string, body: Uint8Array | string, reason: RegExp])[] = [
  ['cut off', image().subarray(0, 700), /compressed data end too early/],
  ['text', 'heart of patient 7'.repeat(100), /not a NIfTI file/],
  ['empty', '', /empty \(0 bytes\)/],
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
    /voxel size is 0.001 × 0.001 × 0.002 mm/,
  ],
  [
    'missing slices',
    writeNifti({ ...ct(), affine: affineOf(GRID.affine.map((row) => [row[0], row[1], 22.5 * row[2], row[3]])) }),
    /slices are 45 mm apart \(voxels of 1\.5 × 1\.5 × 45 mm\)/,
  ],
  ['two readings', header((file) => file.writeFloatLE(25, 268)), /by its qform.*up to 5\.0 mm apart/],
  [
    'no orientation',
    header((file) => void [252, 254].forEach((at) => void file.writeInt16LE(0, at))),
    /no orientation/,
  ],
  [
    'the largest volume as floats',
    header((file) => {
      [1024, 1024, 1024].forEach((side, i) => void file.writeInt16LE(side, 42 + 2 * i));
      file.writeInt16LE(16, 70);
    }),
    /too large: 1024×1024×1024 voxels of float32 are 4 GiB; at most 2 GiB are read/,
  ],
  ['no voxels', header((file) => file.writeInt16LE(0, 44)), /no voxels/],
  ['one value', constant(-1000), /empty: every voxel has the value -1000/],
  ['oversized', header((file) => file.writeInt16LE(32000, 46)), /declares 12×10×32000 voxels/],
  [
    'far oversized',
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
  ['far out of range', floats((i) => (i - 5) * 1e9), /are not HU/],
  ['NaN voxels', floats((i) => (i % 100 === 0 ? Number.NaN : i - 500)), /10 of its voxels are NaN or infinite/],
];

describe('rejects a bad image with a reason and catalogs nothing of its case', () => {
  test.each(BAD_IMAGES)('%s', async (_what, body, reason) => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/image.nii.gz', body);
    await put('cases/p7/labels/calcification.nii.gz', calcium());

    const { entry } = await reconcile('p7');

    expect(entry).toBeUndefined();
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

  test('removes a case from the catalog while its image is bad', async () => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await reconcile('p7');
    await put('cases/p7/image.nii.gz', PNG);
    await reconcile('p7');
    expect(await catalog('p7')).toBeUndefined();
    expect(await rejected('p7')).toBeDefined();
    await put('cases/p7/image.nii.gz', image(2));
    await reconcile('p7');
    expect(await catalog('p7')).toBeDefined();
    expect(await rejected('p7')).toBeUndefined();
  });
});

const mapOf = (data: VoxelArray) => writeNifti({ ...GRID, data });
const values = (...some: readonly number[]) => new Float32Array(VOXELS).map((_, i) => some[i] ?? 0);
const oneSliceShort = { shape: [12, 10, 7], affine: GRID.affine, data: new Uint8Array(840) } as const;
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

/** 0 and 1 as nibabel stores floats in int16: scaled by 1/65535 and shifted by 0.5000076. 1 comes back as 0.99999999977. */
const scaledMask = () => {
  const data = new Int16Array(VOXELS).fill(-32768).fill(32767, 100, 118);
  const file = Buffer.from(writeNifti({ ...GRID, data }, { gzip: false }));
  file.writeFloatLE(1.5259021893143654e-5, 112);
  file.writeFloatLE(0.5000076293945312, 116);
  return file;
};

test('counts a mask of floats that was stored as scaled integers', async () => {
  const { put, reconcile, catalog } = testSite();
  await put('cases/p7/image.nii.gz', image());
  await put('cases/p7/labels/calcification.nii.gz', gzipSync(scaledMask()));
  expect(await reconcile('p7')).toMatchObject({ faults: [] });
  expect((await catalog('p7'))?.labels.calcification?.classes).toEqual({ 1: 18 });
});

test('takes a CT in micrometres by the unit of its header', async () => {
  const { put, reconcile, catalog } = testSite();
  const file = Buffer.from(
    writeNifti({ ...ct(), affine: affineOf(GRID.affine.map((row) => row.map((mm) => 1000 * mm))) }, { gzip: false }),
  );
  file.writeUInt8(3, 123);
  await put('cases/p7/image.nii.gz', gzipSync(file));
  await put('cases/p7/labels/calcification.nii.gz', calcium());
  expect(await reconcile('p7')).toMatchObject({ faults: [] });
  expect(await catalog('p7')).toMatchObject({ image: { spacing: [1.5, 1.5, 2] }, labels: { calcification: {} } });
});

/** A label whose header is edited. */
const label = (edit: (file: Buffer) => void) => {
  const file = Buffer.from(writeNifti({ ...GRID, data: new Uint8Array(VOXELS) }, { gzip: false }));
  edit(file);
  return gzipSync(file);
};
const flipped = affineOf(
  GRID.affine.map((row, r) => [-row[0], row[1], row[2], r === 0 ? row[3] + 11 * row[0] : row[3]]),
);

test('takes a label whose position is rounded otherwise than that of its image', async () => {
  const { put, reconcile, catalog } = testSite();
  await put('cases/p7/image.nii.gz', image());
  // Offset by qform alone, in single precision; spacing to four decimals.
  const rounded = label((file) => {
    file.writeInt16LE(0, 254);
    file.writeFloatLE(20.0004, 268);
    file.writeFloatLE(1.5001, 80);
  });
  await put('cases/p7/labels/calcification.nii.gz', rounded);
  expect(await reconcile('p7')).toMatchObject({ faults: [] });
  expect(Object.keys((await catalog('p7'))?.labels ?? {})).toEqual(['calcification']);
});

const BAD_LABELS: readonly (readonly [what: string, name: string, body: Uint8Array | string, reason: RegExp])[] = [
  ['another shape', 'calcification.nii.gz', writeNifti(oneSliceShort), /12×10×7 voxels, but the image has 12×10×8/],
  ['another position', 'calcification.nii.gz', writeNifti(shifted), /up to 3\.0 mm away from those of the image/],
  [
    'unknown classes',
    'calcification.nii.gz',
    mapOf(values(0, 1, 2, 7)),
    /values 2, 7, which are not classes of calcification/,
  ],
  [
    'fractions',
    'calcification.nii.gz',
    mapOf(values(1.5, 1)),
    /values 1\.5, which are not classes of calcification\.$/,
  ],
  ['probabilities', 'calcification.nii.gz', mapOf(values(0.5, 1)), /values 0\.5.*: it is a map of probabilities/],
  [
    'rows the other way round',
    'calcification.nii.gz',
    writeNifti({ shape: GRID.shape, affine: flipped, data: new Uint8Array(VOXELS) }),
    /up to 16\.5 mm away from those of the image \(they run RPS, those of the image LPS\)/,
  ],
  [
    'two readings',
    'calcification.nii.gz',
    label((file) => file.writeFloatLE(25, 268)),
    /by its qform.*up to 5\.0 mm apart/,
  ],
  [
    'no orientation',
    'calcification.nii.gz',
    label((file) => void [252, 254].forEach((at) => void file.writeInt16LE(0, at))),
    /no orientation/,
  ],
  ['old points', 'hinge-points.fcsv', '# Markups fiducial file version = 4.11', /older 3D Slicer \(\.fcsv\)/],
  ['NaN', 'calcification.nii.gz', mapOf(values(Number.NaN)), /values NaN/],
  ['negative values', 'calcification.nii.gz', mapOf(values(-1)), /values -1/],
  ['no landmark', 'hinge-points.nii.gz', mapOf(new Uint8Array(VOXELS)), /no landmark/],
  ['a picture', 'hinge-points.nii.gz', PNG, /PNG picture/],
  ['cut off', 'hinge-points.nii.gz', hingeMap().subarray(0, 60), /end too early/],
  ['points outside the image', 'hinge-points.mrk.json', outside, /outside the image: hinge-left/],
  ['not JSON', 'hinge-points.mrk.json', '{', /not a JSON file/],
  ['unknown point names', 'hinge-points.mrk.json', hingeMarkups().replace('ostium-left', 'F-1'), /named "F-1"/],
  ['points without a position', 'hinge-points.mrk.json', writeMarkups([], []), /no landmark/],
  ['points for a segmentation', 'calcification.mrk.json', hingeMarkups(), /is a segmentation/],
  ['too large', 'hinge-points.mrk.json', ' '.repeat(2 << 20), /too large for a markups file/],
  ['an unknown task', 'aortic-arch.nii.gz', hingeMap(), /no task "aortic-arch"/],
  ['an unknown format', 'calcification.nrrd', 'NRRD0004', /not expected in a case/],
];

describe('rejects a bad label with a reason and catalogs its case without it', () => {
  test.each(BAD_LABELS)('%s', async (_what, name, body, reason) => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put(`cases/p7/labels/${name}`, body);
    await put('cases/p7/labels/membranous-septum.nii.gz', writeNifti(paintLandmarks(POINTS.slice(0, 2), GRID, 1.6)));

    await reconcile('p7');

    expect(Object.keys((await catalog('p7'))?.labels ?? {})).toEqual(['membranous-septum']);
    const [fault, ...more] = (await rejected('p7'))?.objects ?? [];
    expect(more).toEqual([]);
    expect(fault?.key).toBe(`cases/p7/labels/${name}`);
    expect(fault?.reason).toMatch(reason);
    expect(fault?.hint).toBeTruthy();
    expect(['BAD_LABEL', 'BAD_KEY']).toContain(fault?.code);
  });

  test('uses the points and rejects the class map if a task has both', async () => {
    const { put, reconcile, catalog } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/hinge-points.nii.gz', hingeMap());
    await put('cases/p7/labels/hinge-points.mrk.json', hingeMarkups());
    const { faults } = await reconcile('p7');
    expect((await catalog('p7'))?.labels['hinge-points']?.format).toBe('markups');
    expect(faults).toMatchObject([
      { key: 'cases/p7/labels/hinge-points.nii.gz', reason: expect.stringMatching(/two labels/) },
    ]);
  });

  test('examines a label again when its image changes', async () => {
    const { put, reconcile, catalog, rejected } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', calcium());
    await reconcile('p7');
    await put('cases/p7/image.nii.gz', writeNifti(ct(1, { ...GRID, shape: [12, 10, 9] })));
    await reconcile('p7');
    expect((await catalog('p7'))?.labels).toEqual({});
    expect((await rejected('p7'))?.objects[0]?.key).toBe('cases/p7/labels/calcification.nii.gz');
  });
});

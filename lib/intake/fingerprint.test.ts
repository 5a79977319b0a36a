import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import type { CatalogEntry } from '../federation/schemas.ts';
import { column } from '../imaging/affine.ts';
import { parseHeader } from '../imaging/nifti-header.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import { orientationOf } from '../imaging/orientation.ts';
import { reorient } from '../imaging/reorient.ts';
import type { Volume, VoxelArray } from '../imaging/volume.ts';
import { canonicalJson } from '../json.ts';
import { normal, seededRandom } from '../random.ts';
import { createFingerprinter } from './fingerprint.ts';
import { ct, testSite } from './testing.ts';

const UNSCALED = { slope: 1, intercept: 0 };
const headerOf = (volume: Volume, scaling = UNSCALED) => ({
  ...parseHeader(writeNifti(volume, { gzip: false })),
  scaling,
});

/** The fingerprint of a volume whose stored values arrive in pieces of `piece`. */
function fingerprintOf(volume: Volume, scaling = UNSCALED, piece = 97): string {
  const fingerprinter = createFingerprinter(headerOf(volume, scaling));
  for (let i = 0; i < volume.data.length; i += piece) fingerprinter.take(volume.data.subarray(i, i + piece));
  return fingerprinter.digest();
}

const stored = (f: (hu: number) => number, type: { from(values: ArrayLike<number>): VoxelArray }): Volume => ({
  ...ct(),
  data: type.from(Array.from(ct().data, f)),
});
/** Every order and direction of three axes. */
const ORIENTATIONS = ['RAS', 'RSA', 'ARS', 'ASR', 'SRA', 'SAR'].flatMap((order) =>
  Array.from({ length: 8 }, (_, signs) =>
    [...order].map((letter) => ((signs >> 'RAS'.indexOf(letter)) & 1 ? 'LPI'['RAS'.indexOf(letter)] : letter)).join(''),
  ),
);

describe('the fingerprint', () => {
  const expected = fingerprintOf(ct());

  test('is the same in every order and direction of the axes, and for pieces of any size', () => {
    expect(new Set(ORIENTATIONS).size).toBe(48);
    for (const orientation of ORIENTATIONS) {
      const turned = reorient(ct(), orientation);
      expect(orientationOf(turned.affine)).toBe(orientation);
      expect(fingerprintOf(turned), orientation).toBe(expected);
    }
    for (const piece of [1, 12, 13, 5_000]) expect(fingerprintOf(ct(), UNSCALED, piece)).toBe(expected);
  });

  const random = seededRandom('rounding');
  test.each<[what: string, volume: Volume, scaling?: typeof UNSCALED]>([
    ['int32', stored((hu) => hu, Int32Array)],
    ['float64', stored((hu) => hu, Float64Array)],
    ['float32 with rounding noise', stored((hu) => hu + 1e-3 * normal(random), Float32Array)],
    ['+1024 with intercept −1024', stored((hu) => hu + 1024, Uint16Array), { slope: 1, intercept: -1024 }],
    ['a tenth with slope 10', stored((hu) => hu / 10, Float32Array), { slope: 10, intercept: 0 }],
    ['slope −1', stored((hu) => -hu, Int16Array), { slope: -1, intercept: 0 }],
    ['slope 0.05 in single precision', stored((hu) => hu * 20, Int16Array), { slope: Math.fround(0.05), intercept: 0 }],
  ])('is the same for %s', (_what, volume, scaling) => {
    expect(fingerprintOf(volume, scaling)).toBe(expected);
  });

  test('does not flip at halves, quarters and tenths of a HU', () => {
    const tenths = stored((hu) => hu / 20, Float64Array);
    expect(fingerprintOf(stored((hu) => Math.fround(hu / 20), Float32Array))).toBe(fingerprintOf(tenths));
    expect(fingerprintOf(stored((hu) => hu / 20 + 1e-4 * normal(random), Float64Array))).toBe(fingerprintOf(tenths));
  });

  test('differs for one voxel by 1 HU, two voxels exchanged, a flip without its affine, and another shape', () => {
    const change = (edit: (data: Int16Array) => void) => {
      const volume = ct();
      edit(volume.data);
      return fingerprintOf(volume);
    };
    const flipped = reorient(ct(), 'RPS');
    const shape = [10, 12, 8] as const;

    const prints = [
      change((data) => data.fill((data[500] as number) + 1, 500, 501)),
      change((data) => data.set([data[8] as number, data[7] as number], 7)),
      change((data) => data.set([data[120] as number], 0)),
      fingerprintOf({ ...flipped, affine: ct().affine }),
      fingerprintOf({ ...ct(), shape }),
      fingerprintOf(ct(2)),
    ];

    expect(column(flipped.affine, 0)).not.toEqual(column(ct().affine, 0));
    expect(new Set([expected, ...prints]).size).toBe(7);
  });
});

/** A copy of a file in which `edit` changed the bytes. */
function edited(volume: Volume, edit: (file: Buffer) => void): Uint8Array {
  const file = Buffer.from(writeNifti(volume, { gzip: false }));
  edit(file);
  return gzipSync(file);
}
const SCL_SLOPE = 112;
const SCL_INTER = 116;

test.each([
  ['float32', writeNifti(stored((hu) => hu, Float32Array))],
  [
    'uncompressed float64',
    writeNifti(
      stored((hu) => hu, Float64Array),
      { gzip: false },
    ),
  ],
  ['flipped rows with a flipped affine', writeNifti(reorient(ct(), 'RPS'))],
  ['permuted axes', writeNifti(reorient(ct(), 'SAR'))],
  [
    'an offset that the intercept takes back',
    edited(
      stored((hu) => hu + 1024, Int16Array),
      (file) => {
        file.writeFloatLE(1, SCL_SLOPE);
        file.writeFloatLE(-1024, SCL_INTER);
      },
    ),
  ],
  [
    'another slope',
    edited(
      stored((hu) => hu * 4, Int16Array),
      (file) => file.writeFloatLE(0.25, SCL_SLOPE),
    ),
  ],
  [
    'a moved origin',
    edited(ct(), (file) => [268, 292].forEach((at) => void file.writeFloatLE(file.readFloatLE(at) + 7, at))),
  ],
])('a training CT is not held out again as %s', async (_what, again) => {
  const { put, reconcile, catalog, rejected } = testSite();
  await put('cases/t1/image.nii.gz', writeNifti(ct()));
  await put(`held-out/t2/image.nii${again[0] === 0x1f ? '.gz' : ''}`, again);

  await reconcile('t1');
  await reconcile('t2');

  expect(await catalog('t1')).toBeDefined();
  expect(await catalog('t2')).toBeUndefined();
  expect((await rejected('t2'))?.objects[0]?.reason).toBe('It is the same volume as the image of case t1.');
});

test('an entry of an earlier release, without a fingerprint, is read and completed when its case is looked at', async () => {
  const { store, put, reconcile, catalog } = testSite();
  await put('cases/t1/image.nii.gz', writeNifti(ct()));
  await reconcile('t1');
  const entry = (await catalog('t1')) as CatalogEntry;
  const { content, sketch, ...image } = entry.image;
  await store.put(siteKeys.catalog('t1'), canonicalJson({ ...entry, image }));
  expect((await catalog('t1'))?.image.content).toBeUndefined();

  await reconcile('t1');

  expect(await catalog('t1')).toMatchObject({ image: { content, sha256: image.sha256 } });
  expect(sketch).toBeUndefined();
});

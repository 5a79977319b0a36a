import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isFedcardioError } from '../error.ts';
import { largestShift } from '../imaging/affine.ts';
import type { Affine, Vec3, Volume } from '../imaging/volume.ts';
import { decodeStack } from './decode-stack.ts';
import { inspectDicom } from './inspect.ts';
import { orderOf } from './read-volume.ts';

/** Series that scripts/fixtures/dicom.py made, and the arrays that it made them from. */
const FOLDER = join(import.meta.dirname, '../../test/fixtures/dicom');

interface Expected {
  readonly shape: Vec3;
  readonly affine: Affine;
  /** mm */
  readonly tolerance: number;
  /** Of the voxels in HU as float32. */
  readonly sha256: string;
  readonly voxels: readonly (readonly [x: number, y: number, z: number, value: number])[];
}
const expected = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Record<string, Expected[]>;

/** Kinds of series that are refused, and why. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'comma-decimals': /do not say where they lie/,
  'contradicting-directions': /directions of its rows and columns contradict/,
  'cut-off': /is cut off/,
  'cut-off-header': /A DICOM file is damaged: the header cannot be read/,
  'cut-off-jpeg': /is cut off/,
  'cut-off-late-header': /is cut off/,
  doubled: /One slice position is there twice/,
  'eight-bits': /8 bits per pixel/,
  'incomplete-phase': /^Of its heart phase 75 %: a slice is missing/,
  'intercept-missing-once': /Some of its images lack the rescale intercept/,
  iodine: /not Hounsfield units/,
  irregular: /not equally spaced: neighbours are from 0.88 to 1.63 mm apart/,
  'lossy-jpeg': /compressed as lossy JPEG of 12 bits/,
  missing: /^2 slices are missing: its 6 slices 1.25 mm apart leave gaps/,
  'missing-of-many': /^A slice is missing/,
  'mixed-signs': /Some of its images store signed numbers/,
  'multi-frame': /enhanced multi-frame object/,
  'no-orientation': /do not say where they lie/,
  'no-position': /do not say where they lie/,
  'no-series': /do not say to which series/,
  'no-spacing': /no size/,
  'one-position': /Its 6 images show one and the same position/,
  'one-slice': /a single image/,
  'phases-without-tag': /6 slice positions are there twice/,
  'shifted-sideways': /shifted sideways/,
  tilt: /tilted by 12\.0°/,
  'tilt-in-tag-alone': /tilted by 12\.0°/,
  'tilt-without-tag': /tilted by 12\.0°/,
  'two-slices': /only 2 slices/,
};

const kinds = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

test('every kind is expected to be read or refused', () => {
  expect(kinds.filter((kind) => !(kind in expected) && !(kind in REFUSED))).toEqual([]);
});

test.each(kinds)('reads or refuses %s', async (kind) => {
  const inspection = await inspectDicom(join(FOLDER, kind));

  const reasons = inspection.refused.map(({ reason }) => reason);
  const volumes: Volume[] = [];
  for (const { stack } of inspection.volumes) {
    try {
      volumes.push(await decodeStack(orderOf(stack)));
    } catch (error) {
      if (!isFedcardioError(error, 'BAD_IMAGE')) throw error;
      reasons.push(error.message);
    }
  }

  expect(reasons).toEqual(REFUSED[kind] ? [expect.stringMatching(REFUSED[kind])] : []);
  expect(volumes.map(hashOf).sort()).toEqual((expected[kind] ?? []).map(({ sha256 }) => sha256).sort());
  for (const wanted of expected[kind] ?? []) {
    const found = volumes.find((volume) => hashOf(volume) === wanted.sha256) as Volume;
    expect(found.shape).toEqual(wanted.shape);
    expect(largestShift(found, wanted)).toBeLessThan(wanted.tolerance);
    for (const [x, y, z, value] of wanted.voxels) {
      expect(found.data[x + found.shape[0] * (y + found.shape[1] * z)]).toBe(value);
    }
  }
});

/** Odd numbers of bytes, and such as look like the beginning of an element. */
const BEHIND = [Buffer.alloc(2), Buffer.alloc(1001, 0xff), Buffer.from('fcfffcff4f42', 'hex')];

test.each(['explicit', 'implicit', 'big-endian', 'deflated', 'rle', 'jpeg-lossless', 'jpeg-2000', 'no-meta'])(
  'reads all voxels of %s with bytes behind the image',
  async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'fedcardio-behind-'));
    readdirSync(join(FOLDER, kind)).forEach((name, index) => {
      const behind = BEHIND[index % BEHIND.length] as Buffer;
      writeFileSync(join(folder, name), Buffer.concat([readFileSync(join(FOLDER, kind, name)), behind]));
    });

    const { volumes } = await inspectDicom(folder);
    const hashes = await Promise.all(volumes.map(async ({ stack }) => hashOf(await decodeStack(orderOf(stack)))));

    expect(hashes).toEqual((expected[kind] ?? []).map(({ sha256 }) => sha256));
    rmSync(folder, { recursive: true });
  },
);

const hashOf = ({ data }: Volume): string =>
  createHash('sha256')
    .update(new Uint8Array(Float32Array.from(data).buffer))
    .digest('hex');

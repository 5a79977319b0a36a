import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readNifti } from './nifti-read.ts';
import { writeNifti } from './nifti-write.ts';
import type { Affine, Vec3, VoxelArray } from './volume.ts';

interface Written {
  readonly name: string;
  readonly array: keyof typeof ARRAYS;
  readonly shape: Vec3;
  readonly affine: Affine;
  readonly values: readonly string[];
  readonly description: string;
  /** The bytes that nibabel checked in scripts/fixtures/imaging_write.py. */
  readonly file: string;
}

const ARRAYS = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
} as const;

const cases = JSON.parse(readFileSync('test/fixtures/imaging/written.json', 'utf8')) as readonly Written[];

describe('writes the bytes that nibabel verified', () => {
  test.each(cases)('$name', ({ array, shape, affine, values, description, file }) => {
    const data = new ARRAYS[array](values.map(Number));
    const bytes = writeNifti({ shape, affine, data }, { description });
    expect(gunzipSync(bytes).toString('base64')).toBe(file);
  });
});

test('reads what was written, and the same volume gives the same bytes', () => {
  const arrays = fc.constantFrom(...Object.values(ARRAYS));
  const side = fc.integer({ min: 1, max: 5 });
  const volumes = fc.record({ array: arrays, shape: fc.tuple(side, side, side), seed: fc.nat(), gzip: fc.boolean() });
  fc.assert(
    fc.property(volumes, ({ array, shape, seed, gzip }) => {
      const data: VoxelArray = new array(shape[0] * shape[1] * shape[2]).map((_, i) => (seed + i * 7919) % 127);
      const affine: Affine = [
        [0, -0.5, 0, 1],
        [1.25, 0, 0, 2],
        [0, 0, 2, seed % 97],
        [0, 0, 0, 1],
      ];
      const bytes = writeNifti({ shape, affine, data }, { gzip });
      const again = readNifti(bytes);
      expect(again).toMatchObject({ shape, affine, data });
      expect(writeNifti(again, { gzip })).toEqual(bytes);
    }),
  );
});

test('refuses an array that does not fit its shape', () => {
  const affine = cases[0]?.affine as Affine;
  expect(() => writeNifti({ shape: [2, 2, 2], affine, data: new Uint8Array(7) })).toThrow(/7 voxels.*2×2×2/);
});

import { afterEach, describe, expect, test, vi } from 'vitest';
import { affineOf, voxelsOf } from './affine.ts';
import { readNifti } from './nifti-read.ts';
import { writeNifti } from './nifti-write.ts';
import { isotropicGrid, resample } from './resample.ts';
import { resampleClasses } from './resample-classes.ts';
import type { Affine, Volume } from './volume.ts';

afterEach(() => vi.unstubAllGlobals());

/** Bytes of all float32 arrays that are allocated during `work`. Views do not count. */
function floatBytes(work: () => unknown): number {
  let bytes = 0;
  const Counted = new Proxy(Float32Array, {
    construct(target, args) {
      const made = Reflect.construct(target, args) as Float32Array;
      if (!(args[0] instanceof ArrayBuffer)) bytes += made.byteLength;
      return made;
    },
  });
  vi.stubGlobal('Float32Array', Counted);
  work();
  vi.unstubAllGlobals();
  return bytes;
}

const SHAPE = [48, 40, 64] as const;
const AXES: Readonly<Record<string, Affine>> = {
  axial: affineOf([
    [-0.8, 0, 0, 20],
    [0, -0.8, 0, 20],
    [0, 0, 0.7, -20],
  ]),
  sagittal: affineOf([
    [0, 0, 0.7, -20],
    [-0.8, 0, 0, 20],
    [0, -0.8, 0, 20],
  ]),
  'superior first': affineOf([
    [0, 0.8, 0, -20],
    [0, 0, 0.7, -20],
    [0.8, 0, 0, -20],
  ]),
  oblique: affineOf([
    [-0.8, 0.1, 0, 20],
    [0.1, 0.8, 0, -20],
    [0, 0, 0.7, -20],
  ]),
};
const volume = (affine: Affine): Volume<Int16Array> => ({
  shape: SHAPE,
  affine,
  data: new Int16Array(voxelsOf(SHAPE)).map((_, i) => (i * 7919) % 2000),
});
/** The float32 memory of one source plane and a few target planes, each smaller than the largest face of the source. */
const FEW_PLANES = 10 * 4 * 64 * 48;

describe("resampling reads a CT's stored integers without a float copy", () => {
  test.each(Object.keys(AXES))('%s', (name) => {
    const ct = volume(AXES[name] as Affine);
    for (const spacing of [0.6, 1, 3]) {
      const grid = isotropicGrid(ct, spacing);
      const bytes = floatBytes(() => resample(ct, grid, 'linear', -1000));
      expect(bytes).toBeGreaterThanOrEqual(4 * voxelsOf(grid.shape));
      expect(bytes - 4 * voxelsOf(grid.shape)).toBeLessThan(Math.max(FEW_PLANES, 30 * grid.shape[0] * grid.shape[1]));
      expect(FEW_PLANES).toBeLessThan(4 * voxelsOf(SHAPE));
    }
  });
});

test("class maps are resampled to a CT's grid without holding probabilities on it", () => {
  const ct = volume(AXES.axial as Affine);
  const onGrid = resample(ct, isotropicGrid(ct, 3), 'linear', 0);
  const maps = [onGrid, { ...onGrid, data: onGrid.data.map((value) => 2000 - value) }, onGrid];
  expect(floatBytes(() => resampleClasses(maps, ct))).toBeLessThan(3 * FEW_PLANES);
  // The least memory for one class on the whole grid.
  expect(3 * FEW_PLANES).toBeLessThan(4 * voxelsOf(SHAPE));
});

test('a CT with an intercept stays int16 if its values fit, and is float32 otherwise', () => {
  const stored = Int16Array.of(0, 24, 1024, 4095, 0, 0, 0, 0);
  const scaledBy = (slope: number, intercept: number, data: Int16Array) => {
    const file = Buffer.from(writeNifti({ shape: [2, 2, 2], affine: AXES.axial as Affine, data }, { gzip: false }));
    file.writeFloatLE(slope, 112);
    file.writeFloatLE(intercept, 116);
    return readNifti(file).data;
  };
  expect(scaledBy(1, -1024, stored)).toEqual(Int16Array.of(-1024, -1000, 0, 3071, -1024, -1024, -1024, -1024));
  expect(scaledBy(2, 1, Int16Array.of(16383, -16384, 0, 0, 0, 0, 0, 0))[1]).toBe(-32767);
  expect(scaledBy(1, -1024, Int16Array.of(-32000, 0, 0, 0, 0, 0, 0, 0))).toBeInstanceOf(Float32Array);
  expect(scaledBy(0.5, 0, stored)).toBeInstanceOf(Float32Array);
});

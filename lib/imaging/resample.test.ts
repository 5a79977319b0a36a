import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affineOf, apply, centreOf, contains, IDENTITY } from './affine.ts';
import { isotropicGrid, resample } from './resample.ts';
import type { Affine, Vec3, Volume } from './volume.ts';

interface Fixture {
  readonly shape: Vec3;
  readonly data: readonly number[];
  readonly cases: readonly {
    readonly name: string;
    readonly source: Affine;
    readonly target: Affine;
    readonly shape: Vec3;
    readonly linear: readonly number[];
    readonly nearest: readonly number[];
  }[];
  readonly averaged: {
    readonly source: Affine;
    readonly target: Affine;
    readonly shape: Vec3;
    readonly linear: readonly number[];
  };
}

const fixture = JSON.parse(readFileSync('test/fixtures/imaging/resampling.json', 'utf8')) as Fixture;
const source = (affine: Affine): Volume<Int16Array> => ({
  shape: fixture.shape,
  affine,
  data: Int16Array.from(fixture.data),
});

/** Values are thousands of HU: 0.01 is the rounding of float32 and of the fixture. */
function expectClose(actual: Float32Array, expected: readonly number[], tolerance = 0.01): void {
  expect(actual).toHaveLength(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] as number))), 0);
  expect(worst).toBeLessThan(tolerance);
}

describe('resamples as scipy.ndimage does', () => {
  test.each(fixture.cases)('$name, linear', (of) => {
    const grid = { shape: of.shape, affine: of.target };
    expectClose(resample(source(of.source), grid, 'linear', -1000).data, of.linear);
  });
  test.each(fixture.cases)('$name, nearest', (of) => {
    const grid = { shape: of.shape, affine: of.target };
    const { data } = resample(source(of.source), grid, 'nearest', -1000);
    expect(data).toBeInstanceOf(Int16Array);
    expect([...data]).toEqual(of.nearest);
  });
});

test('coarser voxels are means over their extent', () => {
  const { source: from, target, shape, linear } = fixture.averaged;
  const { data } = resample(source(from), { shape, affine: target }, 'linear', -1000);
  // The fixture samples each voxel 40 times along each axis: a fortieth of a voxel may be on the wrong side.
  expectClose(data, linear, 40);
});

test('coarse voxels lose no calcium: the sum of HU times volume is kept', () => {
  const at = fc.integer({ min: 3, max: 20 });
  fc.assert(
    fc.property(fc.tuple(at, at, at), fc.constantFrom(0, 0.3), ([x, y, z], tilt) => {
      const fine: Volume<Int16Array> = { shape: [24, 24, 24], affine: IDENTITY, data: new Int16Array(24 ** 3) };
      fine.data[x + 24 * (y + 24 * z)] = 1000;
      const [c, s] = [3 * Math.cos(tilt), 3 * Math.sin(tilt)];
      const affine = affineOf([
        [c, -s, 0, -10],
        [s, c, 0, -10],
        [0, 0, 3, -10],
      ]);
      const coarse = resample(fine, { shape: [18, 18, 18], affine }, 'linear', 0);
      const total = coarse.data.reduce((sum, value) => sum + value, 0) * 27;
      // On a tilted grid the mean is over 27 points per voxel, not exact.
      expect(Math.abs(total - 1000)).toBeLessThan(tilt === 0 ? 0.1 : 200);
    }),
    { numRuns: 50 },
  );
});

test('resampling onto the same grid changes nothing', () => {
  const volume = source(IDENTITY);
  expect([...resample(volume, volume, 'linear', 0).data]).toEqual(fixture.data);
  expect([...resample(volume, volume, 'nearest', 0).data]).toEqual(fixture.data);
});

test('the parallel and the oblique algorithm agree for a tiny tilt', () => {
  const volume = source(IDENTITY);
  const straight = affineOf([
    [0.8, 0, 0, 0.1],
    [0, 0.9, 0, 0.2],
    [0, 0, 1.1, 0.1],
  ]);
  const tilted = affineOf([
    [0.8, 1e-3, 0, 0.1],
    [0, 0.9, 0, 0.2],
    [0, 0, 1.1, 0.1],
  ]);
  const shape = [6, 5, 4] as const;
  const oblique = resample(volume, { shape, affine: tilted }, 'linear', 0).data;
  expectClose(resample(volume, { shape, affine: straight }, 'linear', 0).data, [...oblique], 20);
});

test('planes in use are not overwritten when a voxel spans many planes', () => {
  const column: Volume<Float32Array> = {
    shape: [1, 1, 80],
    affine: IDENTITY,
    data: Float32Array.from({ length: 80 }, (_, i) => i),
  };
  for (const direction of [1, -1]) {
    const affine = affineOf([
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 20 * direction, direction > 0 ? 9.5 : 69.5],
    ]);
    const { data } = resample(column, { shape: [1, 1, 4], affine }, 'linear', -1);
    expectClose(data, direction > 0 ? [9.5, 29.5, 49.5, 69.5] : [69.5, 49.5, 29.5, 9.5]);
  }
});

test("an isotropic grid has the volume's centre, covers it, and needs no filling", () => {
  const step = fc.double({ min: 0.3, max: 3, noNaN: true });
  const side = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(fc.tuple(side, side, side), fc.tuple(step, step, step), step, (shape, [a, b, c], spacing) => {
      const grid = {
        shape,
        affine: affineOf([
          [0, -b, 0, 3],
          [-a, 0, 0, 4],
          [0, 0, c, 5],
        ]),
      };
      const iso = isotropicGrid(grid, spacing);
      centreOf(iso).forEach((value, axis) => {
        expect(value).toBeCloseTo(centreOf(grid)[axis] as number, 6);
      });
      const last = iso.shape.map((n) => n - 1) as unknown as Vec3;
      expect(contains(grid, apply(iso.affine, [0, 0, 0]))).toBe(true);
      expect(contains(grid, apply(iso.affine, last))).toBe(true);
      const needed = [shape[1] * b, shape[0] * a, shape[2] * c];
      needed.forEach((mm, axis) => {
        expect((iso.shape[axis] as number) * spacing).toBeGreaterThanOrEqual(mm - 0.01 * spacing);
      });
    }),
  );
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affineOf, apply, centreOf, contains, IDENTITY, invert, multiply, sameGrid, spacingOf } from './affine.ts';
import { orientationOf, parseOrientation } from './orientation.ts';
import { reorient } from './reorient.ts';
import type { Affine, Vec3, Volume } from './volume.ts';

const number = fc.double({ min: -3, max: 3, noNaN: true });
const affines = fc
  .tuple(fc.array(number, { minLength: 9, maxLength: 9 }), fc.tuple(number, number, number))
  .map(([m, t]) =>
    affineOf(
      [0, 1, 2].map((r) => [...m.slice(3 * r, 3 * r + 3).map((v, c) => v + (c === r ? 10 : 0)), t[r] as number]),
    ),
  );

const close = (a: Affine, b: Affine) =>
  a.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(b.flat()[i] as number, 9);
  });

test('an affine times its inverse is the identity', () => {
  fc.assert(
    fc.property(affines, (affine) => {
      close(multiply(affine, invert(affine)), IDENTITY);
      close(multiply(invert(affine), affine), IDENTITY);
    }),
  );
});

test('a product applies the second affine first', () => {
  fc.assert(
    fc.property(affines, affines, fc.tuple(number, number, number), (a, b, point) => {
      const [p, q] = [apply(multiply(a, b), point), apply(a, apply(b, point))];
      p.forEach((value, i) => {
        expect(value).toBeCloseTo(q[i] as number, 8);
      });
    }),
  );
});

test('a singular affine has no inverse', () => {
  expect(() =>
    invert(
      affineOf([
        [1, 0, 0, 0],
        [2, 0, 0, 0],
        [0, 0, 1, 0],
      ]),
    ),
  ).toThrow(/singular/);
});

const GRID = {
  shape: [4, 6, 8],
  affine: affineOf([
    [-2, 0, 0, 10],
    [0, 3, 0, 20],
    [0, 0, 1, 30],
  ]),
} as const;

test('computes the spacing, the centre and the extent of a grid', () => {
  expect(spacingOf(GRID.affine)).toEqual([2, 3, 1]);
  expect(centreOf(GRID)).toEqual([7, 27.5, 33.5]);
  expect(contains(GRID, [11, 18.5, 29.5])).toBe(true);
  expect(contains(GRID, [11.01, 20, 30])).toBe(false);
  expect(contains(GRID, [7, 27, 37.6])).toBe(false);
});

describe('sameGrid', () => {
  const moved = (mm: number) => ({
    ...GRID,
    affine: affineOf([
      [-2, 0, 0, 10 + mm],
      [0, 3, 0, 20],
      [0, 0, 1, 30],
    ]),
  });
  test('ignores rounding errors', () => expect(sameGrid(GRID, moved(0.01))).toBe(true));
  test('detects a shift', () => expect(sameGrid(GRID, moved(0.5))).toBe(false));
  test('detects another shape', () => expect(sameGrid(GRID, { ...GRID, shape: [6, 4, 8] })).toBe(false));
  test('detects a flip about the centre', () => {
    const flipped = affineOf([
      [2, 0, 0, 4],
      [0, 3, 0, 20],
      [0, 0, 1, 30],
    ]);
    expect(sameGrid(GRID, { ...GRID, affine: flipped })).toBe(false);
  });
});

describe('orientation', () => {
  test.each(['RAS', 'LPS', 'ASR', 'SLA', 'IRP'])('%s is the orientation of a volume reoriented to it', (code) => {
    expect(orientationOf(reorient(volume([2, 3, 4]), code).affine)).toBe(code);
  });
  test.each(['', 'RA', 'RAA', 'XYZ', 'RASL'])('"%s" is refused', (code) => {
    expect(() => parseOrientation(code)).toThrow(/is not an orientation/);
  });
});

function volume(shape: Vec3): Volume<Int16Array> {
  const data = new Int16Array(shape[0] * shape[1] * shape[2]).map((_, i) => i);
  return {
    shape,
    affine: affineOf([
      [0, 0.1, 2, 5],
      [-1, 0, 0, 6],
      [0, 3, 0.1, 7],
    ]),
    data,
  };
}

test("reorienting keeps every voxel's world position and can be undone", () => {
  const codes = fc.constantFrom('RAS', 'LPS', 'ASR', 'SLA', 'IRP', 'PIL');
  const side = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(codes, fc.tuple(side, side, side), (code, shape) => {
      const before = volume(shape);
      const after = reorient(before, code);
      const toBefore = multiply(invert(before.affine), after.affine);
      after.data.forEach((value, i) => {
        const [nx, ny] = after.shape;
        const at = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))] as const;
        const [x, y, z] = apply(toBefore, at).map(Math.round) as unknown as Vec3;
        expect(before.data[x + shape[0] * (y + shape[1] * z)]).toBe(value);
      });
      const back = reorient(after, orientationOf(before.affine));
      expect(back.data).toEqual(before.data);
      close(back.affine, before.affine);
    }),
  );
});

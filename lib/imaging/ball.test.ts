import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apply, voxelsOf } from './affine.ts';
import { forEachVoxelWithin, squaredDistance } from './ball.ts';
import type { Grid, Vec3 } from './volume.ts';

const OBLIQUE: Grid = {
  shape: [9, 7, 5],
  affine: [
    [1.2, 0.3, -0.2, -4],
    [-0.3, 1.5, 0.4, -3],
    [0.1, -0.4, 2, 1],
    [0, 0, 0, 1],
  ],
};

test('visits exactly the voxels within the radius, once each and in order, on an oblique grid', () => {
  const coordinate = fc.double({ min: -8, max: 12, noNaN: true });
  fc.assert(
    fc.property(
      fc.tuple(coordinate, coordinate, coordinate),
      fc.double({ min: 0, max: 9, noNaN: true }),
      (point, radius) => {
        const visited: number[] = [];

        forEachVoxelWithin(OBLIQUE, point, radius, (index) => visited.push(index));

        const positionOf = (i: number): Vec3 =>
          apply(OBLIQUE.affine, [i % 9, Math.floor(i / 9) % 7, Math.floor(i / 63)]);
        const expected = Array.from({ length: voxelsOf(OBLIQUE.shape) }, (_, i) => i).filter(
          (i) => squaredDistance(positionOf(i), point) <= radius * radius,
        );
        expect(visited).toEqual(expected);
      },
    ),
  );
});

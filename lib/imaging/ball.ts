import { apply, invert, spacingOf } from './affine.ts';
import type { Grid, Vec3 } from './volume.ts';

/**
 * Visits every voxel whose centre is at most `radiusMm` from a world point (RAS, mm), x fastest. The grid may be oblique
 * or sheared.
 *
 * @param visit gets the voxel's index in the data, its squared distance from the point (mm²) and its world position
 */
export function forEachVoxelWithin(
  { shape, affine }: Grid,
  point: Vec3,
  radiusMm: number,
  visit: (index: number, distance2: number, position: Vec3) => void,
): void {
  const toVoxel = invert(affine);
  const centre = apply(toVoxel, point);
  // The voxels along each axis that a sphere of 1 mm reaches.
  const reach = spacingOf(transposed(toVoxel)).map((step) => radiusMm * step) as unknown as Vec3;
  const [from, to] = [-1, 1].map((side) =>
    ([0, 1, 2] as const).map((axis) => {
      const edge = centre[axis] + side * reach[axis];
      return side < 0 ? Math.max(0, Math.ceil(edge)) : Math.min(shape[axis] - 1, Math.floor(edge));
    }),
  ) as unknown as readonly [Vec3, Vec3];
  for (let z = from[2]; z <= to[2]; z += 1) {
    for (let y = from[1]; y <= to[1]; y += 1) {
      for (let x = from[0]; x <= to[0]; x += 1) {
        const position = apply(affine, [x, y, z]);
        const distance2 = squaredDistance(position, point);
        if (distance2 <= radiusMm * radiusMm) visit(x + shape[0] * (y + shape[1] * z), distance2, position);
      }
    }
  }
}

/** Squared Euclidean distance, mm². */
export const squaredDistance = ([a, b, c]: Vec3, [x, y, z]: Vec3): number => (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2;

/** The rows as columns, for {@link spacingOf}. */
const transposed = ([[a, b, c], [d, e, f], [g, h, i]]: Grid['affine']): Grid['affine'] => [
  [a, d, g, 0],
  [b, e, h, 0],
  [c, f, i, 0],
  [0, 0, 0, 1],
];

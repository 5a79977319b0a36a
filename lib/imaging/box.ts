import { apply, spacingOf } from './affine.ts';
import type { Affine, Vec3, Volume, VoxelArray } from './volume.ts';

/** Voxel indices from `first` (inclusive) to `end` (exclusive), by axis. */
export interface Box {
  readonly first: Vec3;
  readonly end: Vec3;
}

/**
 * The smallest box around the voxels for which `holds` is true, with a margin within the volume. Undefined if there are
 * none.
 *
 * @param marginMm rounded up to whole voxels
 */
export function boxAround(
  { data, shape, affine }: Volume,
  holds: (value: number) => boolean,
  marginMm: number,
): Box | undefined {
  const [nx, ny, nz] = shape;
  const low: [number, number, number] = [nx, ny, nz];
  const high: [number, number, number] = [-1, -1, -1];
  let at = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, at++) {
        if (!holds(data[at] as number)) continue;
        low[0] = Math.min(low[0], x);
        low[1] = Math.min(low[1], y);
        low[2] = Math.min(low[2], z);
        high[0] = Math.max(high[0], x);
        high[1] = Math.max(high[1], y);
        high[2] = Math.max(high[2], z);
      }
    }
  }
  if (high[0] < 0) return undefined;
  const margins = spacingOf(affine).map((spacing) => Math.ceil(marginMm / spacing)) as unknown as Vec3;
  const axis = (i: 0 | 1 | 2) =>
    [Math.max(0, low[i] - margins[i]), Math.min(shape[i], high[i] + margins[i] + 1)] as const;
  const [x, y, z] = [axis(0), axis(1), axis(2)];
  return { first: [x[0], y[0], z[0]], end: [x[1], y[1], z[1]] };
}

/** A copy of the voxels in a box. They keep their world positions. */
export function crop<T extends VoxelArray>({ data, shape, affine }: Volume<T>, { first, end }: Box): Volume<T> {
  const [width, height, depth] = [end[0] - first[0], end[1] - first[1], end[2] - first[2]];
  const cut = new (data.constructor as new (length: number) => T)(width * height * depth);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const from = first[0] + shape[0] * (first[1] + y + shape[1] * (first[2] + z));
      cut.set(data.subarray(from, from + width), width * (y + height * z));
    }
  }
  const origin = apply(affine, first);
  const row = (axis: 0 | 1 | 2) => [affine[axis][0], affine[axis][1], affine[axis][2], origin[axis]] as const;
  const moved: Affine = [row(0), row(1), row(2), [0, 0, 0, 1]];
  return { shape: [width, height, depth], affine: moved, data: cut };
}

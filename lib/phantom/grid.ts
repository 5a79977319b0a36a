import type { Affine, Grid, Vec3 } from '../imaging/volume.ts';

const DIRECTIONS: Readonly<Record<string, readonly [axis: 0 | 1 | 2, sign: 1 | -1]>> = {
  R: [0, 1],
  L: [0, -1],
  A: [1, 1],
  P: [1, -1],
  S: [2, 1],
  I: [2, -1],
};

/**
 * The voxel grid of a scan: a cube of `sideMm` around `centre` (RAS, mm), its axes along `orientation`, with slices
 * across the body's axis. Sides are cut to whole voxels, never longer than requested. The matrix holds float32 values,
 * as a NIfTI header does.
 */
export function scanGrid(centre: Vec3, sideMm: number, orientation: string, pixelMm: number, sliceMm: number): Grid {
  const rows: [number, number, number, number][] = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  const shape: [number, number, number] = [0, 0, 0];
  for (const column of [0, 1, 2] as const) {
    const [axis, sign] = DIRECTIONS[orientation[column]!]!;
    const spacing = Math.fround(axis === 2 ? sliceMm : pixelMm);
    shape[column] = Math.floor(sideMm / spacing);
    rows[axis]![column] = sign * spacing;
    rows[axis]![3] = Math.fround(centre[axis] - (sign * spacing * (shape[column] - 1)) / 2);
  }
  const affine: Affine = [rows[0]!, rows[1]!, rows[2]!, [0, 0, 0, 1]];
  return { shape, affine };
}

import { affineOf, apply, centreOf, invert, multiply, voxelsOf } from './affine.ts';
import type { Interpolation, PlaneWriter } from './interpolation.ts';
import { linearOblique, nearestOblique } from './resample-oblique.ts';
import { linearSeparable, nearestSeparable, separableAxes } from './resample-separable.ts';
import type { Grid, Vec3, Volume, VoxelArray } from './volume.ts';

/**
 * The image on another grid. Positions in the outer half of an outermost voxel take its value; positions outside the
 * volume take `fill`.
 *
 * `linear` interpolates between voxel centres in float32. Along an axis on which the new voxels are at least 1.5 times
 * as long as the old ones, it averages over each new voxel's extent: point samples would miss calcium of 1 to 2 mm.
 * `nearest` takes the value of the nearest voxel and keeps the array's type: for labels.
 *
 * If the axes of the two grids are parallel (in any order and direction) it works axis by axis, otherwise voxel by
 * voxel.
 */
export function resample<T extends VoxelArray>(volume: Volume<T>, grid: Grid, how: 'nearest', fill: number): Volume<T>;
export function resample(volume: Volume, grid: Grid, how: Interpolation, fill: number): Volume<Float32Array>;
export function resample(volume: Volume, grid: Grid, how: Interpolation, fill: number): Volume {
  const { shape, affine } = grid;
  if (how === 'nearest') return { shape, affine, data: nearest(volume, grid, fill) };
  const data = new Float32Array(voxelsOf(shape));
  const write = linearPlanes(volume, grid, fill);
  const plane = shape[0] * shape[1];
  for (let z = 0; z < shape[2]; z += 1) write(z, data.subarray(plane * z, plane * (z + 1)));
  return { shape, affine, data };
}

/**
 * `linear` resampling plane by plane, without holding all planes. Planes may be requested in any order; ascending z is
 * fastest.
 */
export function linearPlanes(volume: Volume, { shape, affine }: Grid, fill: number): PlaneWriter {
  const toSource = multiply(invert(volume.affine), affine);
  const axes = separableAxes(toSource, shape);
  return axes ? linearSeparable(volume, axes, toSource, shape, fill) : linearOblique(volume, toSource, shape, fill);
}

function nearest(volume: Volume, { shape, affine }: Grid, fill: number): VoxelArray {
  const toSource = multiply(invert(volume.affine), affine);
  const axes = separableAxes(toSource, shape);
  return axes ? nearestSeparable(volume, axes, toSource, shape, fill) : nearestOblique(volume, toSource, shape, fill);
}

/** The grid does not grow for a smaller part of a voxel than this. */
const SLACK = 1e-3;

/**
 * The grid of cubic voxels along right, anterior and superior (RAS) that has the same centre as `grid` and covers it.
 */
export function isotropicGrid(grid: Grid, spacingMm: number): Grid {
  const corners = [-0.5, grid.shape[0] - 0.5].flatMap((x) =>
    [-0.5, grid.shape[1] - 0.5].flatMap((y) =>
      [-0.5, grid.shape[2] - 0.5].map((z) => apply(grid.affine, [x, y, z] as const)),
    ),
  );
  const centre = centreOf(grid);
  const shape = [0, 1, 2].map((axis) => {
    const along = corners.map((corner) => corner[axis] as number);
    return Math.max(1, Math.ceil((Math.max(...along) - Math.min(...along)) / spacingMm - SLACK));
  }) as unknown as Vec3;
  const rows = ([0, 1, 2] as const).map((axis) => {
    const row = [0, 0, 0, centre[axis] - ((shape[axis] - 1) / 2) * spacingMm];
    row[axis] = spacingMm;
    return row;
  });
  return { shape, affine: affineOf(rows) };
}

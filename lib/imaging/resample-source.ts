import type { SignedAxis } from './orientation.ts';
import { permuteAxes } from './reorient.ts';
import type { Vec3, Volume, VoxelArray } from './volume.ts';

/** The source axis that each target axis runs along. */
export type Axes = readonly [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2];

/** A volume with its axes in another order. No voxel is copied. */
export interface SourceView {
  readonly data: VoxelArray;
  readonly shape: Vec3;
  /** Elements from one voxel to the next along x, y and z. */
  readonly strides: Vec3;
}

/** The volume with axis k along `axes[k]`. */
export function viewAlong({ data, shape }: Volume, axes: Axes): SourceView {
  const strides: Vec3 = [1, shape[0], shape[0] * shape[1]];
  const inOrder = (values: Vec3) => axes.map((axis) => values[axis]) as unknown as Vec3;
  return { data, shape: inOrder(shape), strides: inOrder(strides) };
}

/**
 * {@link viewAlong} for reading plane by plane. If neighbours in memory lie in different planes, the voxels are copied
 * in their own type: every plane would otherwise read the whole volume through the cache.
 */
export function viewByPlanes(volume: Volume, axes: Axes): SourceView {
  if (axes[2] !== 0) return viewAlong(volume, axes);
  const along = axes.map((axis) => ({ axis, sign: 1 })) as unknown as readonly [SignedAxis, SignedAxis, SignedAxis];
  return viewAlong(permuteAxes(volume, along), [0, 1, 2]);
}

/** Rows from `first` of plane `z` as float32, as many as `into` holds, x fastest. */
export function readRows(source: SourceView, z: number, first: number, into: Float32Array): void {
  const { data, shape, strides } = source;
  const [nx] = shape;
  const [sx, sy, sz] = strides;
  const start = z * sz + first * sy;
  const count = into.length / nx;
  if (sx === 1 && sy === nx) {
    into.set(data.subarray(start, start + into.length));
    return;
  }
  if (sx === 1) {
    for (let y = 0; y < count; y += 1) into.set(data.subarray(start + y * sy, start + y * sy + nx), nx * y);
    return;
  }
  for (let x = 0; x < nx; x += 1) {
    const column = start + x * sx;
    for (let y = 0; y < count; y += 1) into[nx * y + x] = data[column + y * sy] as number;
  }
}

import { affineOf, apply, column, voxelsOf } from './affine.ts';
import { directionsOf, parseOrientation, type SignedAxis } from './orientation.ts';
import type { Affine, Vec3, Volume, VoxelArray } from './volume.ts';

/**
 * The same image with its voxel axes permuted and flipped to run along `orientation` (default "RAS"), as nearly
 * as the grid allows: no voxel value changes, every voxel keeps its world position. Undone by reorienting to the
 * orientation that the volume had.
 */
export function reorient<T extends VoxelArray>(volume: Volume<T>, orientation = 'RAS'): Volume<T> {
  const from = directionsOf(volume.affine);
  const to = parseOrientation(orientation);
  const axes = to.map((wanted) => {
    const axis = from.findIndex((have) => have.axis === wanted.axis) as 0 | 1 | 2;
    return { axis, sign: from[axis].sign === wanted.sign ? 1 : -1 };
  }) as unknown as readonly [SignedAxis, SignedAxis, SignedAxis];
  return permuteAxes(volume, axes);
}

/**
 * A copy whose voxel axis k is axis `axes[k].axis` of `volume`, reversed where the sign is −1. The affine follows.
 */
export function permuteAxes<T extends VoxelArray>(
  volume: Volume<T>,
  axes: readonly [SignedAxis, SignedAxis, SignedAxis],
): Volume<T> {
  const strides: Vec3 = [1, volume.shape[0], volume.shape[0] * volume.shape[1]];
  const shape = axes.map(({ axis }) => volume.shape[axis]) as unknown as Vec3;
  const steps = axes.map(({ axis, sign }) => strides[axis] * sign) as unknown as Vec3;
  const corner: [number, number, number] = [0, 0, 0];
  for (const { axis, sign } of axes) if (sign < 0) corner[axis] = volume.shape[axis] - 1;
  const data = new (volume.data.constructor as new (length: number) => T)(voxelsOf(shape));
  copyStrided(volume.data, data, shape, steps, corner[0] + strides[1] * corner[1] + strides[2] * corner[2]);
  return { shape, affine: permutedAffine(volume.affine, axes, corner), data };
}

function copyStrided(from: VoxelArray, to: VoxelArray, [nx, ny, nz]: Vec3, [sx, sy, sz]: Vec3, start: number): void {
  let out = 0;
  for (let z = 0; z < nz; z += 1) {
    for (let y = 0; y < ny; y += 1) {
      let index = start + z * sz + y * sy;
      if (sx === 1) {
        to.set(from.subarray(index, index + nx), out);
        out += nx;
        continue;
      }
      for (let x = 0; x < nx; x += 1) {
        to[out] = from[index] as number;
        out += 1;
        index += sx;
      }
    }
  }
}

function permutedAffine(affine: Affine, axes: readonly SignedAxis[], corner: Vec3): Affine {
  const origin = apply(affine, corner);
  const columns = axes.map(({ axis, sign }) => column(affine, axis).map((step) => (sign < 0 ? 0 - step : step)));
  return affineOf(origin.map((offset, row) => [...columns.map((step) => step[row] as number), offset]));
}

import { affineOf, apply, column, voxelsOf } from './affine.ts';
import { directionsOf, parseOrientation, type SignedAxis } from './orientation.ts';
import type { Affine, Vec3, Volume, VoxelArray } from './volume.ts';

/**
 * The same image with its voxel axes permuted and flipped to run along `orientation` (default "RAS") as nearly as the
 * grid allows. Voxel values and world positions do not change. Reorienting to the volume's first orientation undoes it.
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

/** A copy whose voxel axis k is axis `axes[k].axis` of `volume`, reversed if the sign is −1. The affine follows. */
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

/** Side of a tile in voxels: its rows and columns stay in the processor's cache during the transposition. */
const TILE = 32;

function copyStrided(from: VoxelArray, to: VoxelArray, [nx, ny, nz]: Vec3, [sx, sy, sz]: Vec3, start: number): void {
  if (sx === 1) {
    for (let z = 0; z < nz; z += 1) {
      for (let y = 0; y < ny; y += 1) {
        const index = start + z * sz + y * sy;
        to.set(from.subarray(index, index + nx), nx * (y + ny * z));
      }
    }
    return;
  }
  // Tiles span x and the source's dense axis: whole rows along one would be single voxels along the other.
  const y = { count: ny, step: sy, pitch: nx };
  const z = { count: nz, step: sz, pitch: nx * ny };
  const [dense, other] = Math.abs(sy) < Math.abs(sz) ? [y, z] : [z, y];
  for (let o = 0; o < other.count; o += 1) {
    for (let top = 0; top < dense.count; top += TILE) {
      const bottom = Math.min(top + TILE, dense.count);
      for (let left = 0; left < nx; left += TILE) {
        const right = Math.min(left + TILE, nx);
        for (let d = top; d < bottom; d += 1) {
          let index = start + o * other.step + d * dense.step + left * sx;
          const row = o * other.pitch + d * dense.pitch;
          for (let x = left; x < right; x += 1) {
            to[row + x] = from[index] as number;
            index += sx;
          }
        }
      }
    }
  }
}

function permutedAffine(affine: Affine, axes: readonly SignedAxis[], corner: Vec3): Affine {
  const origin = apply(affine, corner);
  const columns = axes.map(({ axis, sign }) => column(affine, axis).map((step) => (sign < 0 ? 0 - step : step)));
  return affineOf(origin.map((offset, row) => [...columns.map((step) => step[row] as number), offset]));
}

import { voxelsOf } from '../../lib/imaging/affine.ts';
import type { Volume } from '../../lib/imaging/volume.ts';

/** CTs that cannot be used, made from a good one. All have axes in the order x, y, z with z along the body. */

/** Values cut off at a display window of −160 to 240 HU, shown as such a picture looks on a screen. */
export const windowed = (volume: Volume): Volume =>
  changed(volume, (at, x, y, z) => {
    const share = (Math.min(240, Math.max(-160, at(x, y, z))) + 160) / 400;
    return Math.round(-200 + 900 * share);
  });

/** `count` slices missing from the slice `first` on: what is above moves down. */
export const withoutSlices = (volume: Volume, first: number, count: number): Volume =>
  changed(volume, (at, x, y, z) => at(x, y, z < first ? z : z + count));

/** Groups of `count` slices averaged into one. */
export const thickSlices = (volume: Volume, count: number): Volume =>
  changed(volume, (at, x, y, z) => {
    const first = z - (z % count);
    let sum = 0;
    for (let k = 0; k < count; k++) sum += at(x, y, first + k);
    return Math.round(sum / count);
  });

/** Only the slices below `last`; black above. */
export const cutAbove = (volume: Volume, last: number): Volume =>
  changed(volume, (at, x, y, z) => (z < last ? at(x, y, z) : -1024));

/** The sum of what moves by up to `reach` voxels while it is scanned, as in a heart phase with motion. */
export const moved = (volume: Volume, reach: number): Volume =>
  changed(volume, (at, x, y, z) => {
    // The heart rests at both ends of its movement, which doubles the edges.
    const steps = [-1, -1, -0.6, 0, 0.6, 1, 1];
    const sum = steps.reduce(
      (total, share) => total + at(x + Math.round(reach * share), y - Math.round(0.6 * reach * share), z),
      0,
    );
    return Math.round(sum / steps.length);
  });

type At = (x: number, y: number, z: number) => number;

/** A volume of other values. `at` reads the original; beyond its border the outermost voxels are repeated. */
function changed(volume: Volume, value: (at: At, x: number, y: number, z: number) => number): Volume {
  const [nx, ny, nz] = volume.shape;
  const within = (index: number, size: number) => Math.min(size - 1, Math.max(0, index));
  const at: At = (x, y, z) => volume.data[within(x, nx) + nx * (within(y, ny) + ny * within(z, nz))] as number;
  const data = new Int16Array(voxelsOf(volume.shape));
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++, i++) data[i] = value(at, x, y, z);
  return { ...volume, data };
}

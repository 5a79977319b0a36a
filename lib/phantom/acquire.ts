import type { Vec3 } from '../imaging/volume.ts';
import type { Random } from '../random.ts';

/** How the scanner degrades a scene of exact HU. */
export interface Acquisition {
  readonly spacing: Vec3;
  /** Standard deviation of the point spread, mm. */
  readonly blurMm: number;
  readonly sharpness: number;
  readonly noiseHu: number;
}

type Taps = readonly [outer: number, middle: number];

/**
 * Blurs by the point spread, applies the reconstruction kernel, adds noise filtered by the same kernel, and rounds to
 * whole HU. `scene` is overwritten. The noise has the given standard deviation for any kernel.
 */
export function acquire(
  scene: Float32Array,
  shape: Vec3,
  acquisition: Acquisition,
  random: Random,
): Int16Array<ArrayBuffer> {
  const { spacing, blurMm, sharpness, noiseHu } = acquisition;
  const kernel: Taps = [-sharpness, 1 + 2 * sharpness];
  const image = filter(
    scene,
    shape,
    [0, 1, 2].map((axis) => gaussian(blurMm / spacing[axis]!)),
  );
  filter(image, shape, [kernel, kernel, kernel]);
  const noise = new Float32Array(scene.length);
  // The sum of four uniform numbers is nearly normal and needs additions only: the same bytes on every machine.
  for (let i = 0; i < noise.length; i++) noise[i] = (random() + random() + random() + random() - 2) * Math.sqrt(3);
  filter(noise, shape, [kernel, kernel, kernel]);
  const gain = noiseHu / Math.sqrt(2 * kernel[0] ** 2 + kernel[1] ** 2) ** 3;
  const result = new Int16Array(scene.length);
  for (let i = 0; i < result.length; i++) {
    result[i] = Math.max(-1024, Math.min(3071, Math.round(image[i]! + gain * noise[i]!)));
  }
  return result;
}

/** Three taps with a Gaussian's variance σ² (in voxels); below a voxel's width only the variance matters. */
function gaussian(sigma: number): Taps {
  const outer = Math.min(0.25, (sigma * sigma) / 2);
  return [outer, 1 - 2 * outer];
}

/** Applies three symmetric taps along each axis, in place. The outermost voxels are repeated beyond the border. */
function filter(data: Float32Array, [nx, ny, nz]: Vec3, taps: readonly Taps[]): Float32Array {
  const strides = [1, nx, nx * ny];
  const sides = [nx, ny, nz];
  for (let axis = 0; axis < 3; axis++) {
    const [outer, middle] = taps[axis]!;
    const stride = strides[axis]!;
    const side = sides[axis]!;
    if (outer === 0) continue;
    const block = stride * side;
    for (let start = 0; start < data.length; start += block) {
      for (let line = start; line < start + stride; line++) {
        let before = data[line]!;
        for (let n = 0, at = line; n < side; n++, at += stride) {
          const here = data[at]!;
          const after = n + 1 < side ? data[at + stride]! : here;
          data[at] = outer * (before + after) + middle * here;
          before = here;
        }
      }
    }
  }
  return data;
}

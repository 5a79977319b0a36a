import { readFileSync } from 'node:fs';
import { backend } from './native-operations.ts';
import { tf } from './tf.ts';

// A convolution to at most 8 channels leaves half of a vector of 16 floats empty. Two neighbouring voxels along x are
// then computed as one voxel of twice the channels, with stride 2 along x and a filter of 4 taps: [W, c] and [W/2, 2c]
// are the same memory. It multiplies a third more values, in half as many vectors.

/** Floats in a vector register with AVX-512, which oneDNN fills with output channels. */
const LANES = 16;

/** Whether a convolution of stride 1 to so many channels should compute pairs of voxels. */
export const isNarrow = (width: number, out: number): boolean =>
  2 * out <= LANES && width % 2 === 0 && !backend().isUsingGpuDevice && hasWideVectors();

let wide: boolean | undefined;
/** Whether the processor has AVX-512. Known on Linux only. */
function hasWideVectors(): boolean {
  if (wide === undefined) {
    try {
      wide = /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
    } catch {
      wide = false;
    }
  }
  return wide;
}

/** [3, 3, 3, in, out] as [3, 3, 4, in, 2·out]: taps 0 to 2 for the first voxel of a pair, 1 to 3 for the second. */
export const pairFilter = (filter: tf.Tensor5D): tf.Tensor5D =>
  tf.concat([padTaps(filter, [0, 1]), padTaps(filter, [1, 0])], 4);

const padTaps = (filter: tf.Tensor5D, taps: [number, number]): tf.Tensor5D =>
  tf.pad(filter, [[0, 0], [0, 0], taps, [0, 0], [0, 0]]);

/** The gradient of {@link pairFilter}'s argument from that of its result. */
export function unpairFilter(paired: tf.Tensor5D): tf.Tensor5D {
  const [, , , channels, both] = paired.shape;
  const part = (i: 0 | 1) => tf.slice(paired, [0, 0, i, 0, (i * both) / 2], [3, 3, 3, channels, both / 2]);
  return tf.add(part(0), part(1));
}

/** [b, z, y, x, c] as [b, z, y, x/2, 2c]. */
export const pairVoxels = ([b, z, y, x, c]: tf.Tensor5D['shape'], volume: tf.Tensor5D): tf.Tensor5D =>
  tf.reshape(volume, [b, z, y, x / 2, 2 * c]);

/** The filter whose convolution is the gradient of the input. */
export const flipped = (filter: tf.Tensor5D): tf.Tensor5D =>
  tf.transpose(tf.reverse(filter, [0, 1, 2]), [0, 1, 2, 4, 3]);

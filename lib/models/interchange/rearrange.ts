import type { WeightTensor } from '../../weights/weights.ts';

/**
 * Rearranges a tensor that consists of blocks of `unit` values: in each run of `sources.length` blocks, block i becomes
 * block `sources[i]`.
 */
export function rearranged(
  { dtype, shape, data }: WeightTensor,
  sources: ArrayLike<number>,
  unit: number,
): WeightTensor {
  const moved = new Float32Array(data.length);
  const run = sources.length * unit;
  for (let start = 0; start < moved.length; start += run) {
    for (let i = 0; i < sources.length; i++) {
      const from = start + sources[i]! * unit;
      const to = start + i * unit;
      // Most blocks are short: a view of each would cost more than its values.
      for (let j = 0; j < unit; j++) moved[to + j] = data[from + j]!;
    }
  }
  return { dtype, shape, data: moved };
}

import { type Kernels, MAX_FLOAT32 } from './kernels.ts';
import type { Block, Source } from './pass.ts';
import { tensorAt } from './slices.ts';

/**
 * The floats of a block as float32. Throws what the source's `fail` returns if a value is not finite, or larger in magnitude than
 * `largest`.
 *
 * @param scratch receives decoded half floats; F32 is returned in place
 */
export function finiteFloats(
  block: Block<Source>,
  kernels: Kernels,
  scratch: Float32Array,
  largest = MAX_FLOAT32,
): Float32Array {
  const { bytes, dtype, source, slice } = block;
  const isHalf = dtype === 'F16' || dtype === 'BF16';
  const values = isHalf
    ? scratch.subarray(0, bytes.length / 2)
    : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  if (isHalf) kernels.decodeHalf(bytes, dtype, values);
  if (kernels.finite(values, largest)) return values;
  // Not ">", which does not hold for NaN.
  const index = values.findIndex((value) => !(Math.abs(value) <= largest));
  const tensor = tensorAt(slice, Math.floor(index / source.width));
  const wrong = values[index] as number;
  throw source.fail(
    Number.isFinite(wrong)
      ? `tensor "${tensor}" holds ${wrong}; at most ${largest} is allowed`
      : `tensor "${tensor}" has values that are not finite`,
  );
}

/**
 * Largest magnitude of a value of an update for a server optimiser, which keeps the square of a difference as float32. The
 * other strategies yield finite models from any finite values. One site's finite but huge values must not make the merge infinite.
 */
export const MAX_MAGNITUDE = 1e18;

/**
 * Updates `largest` with the element-wise maximum of integers, or with a copy of the first ones. Integers are counters, not
 * parameters: a mean of step counts is not a step count, and a sum would count the steps of the base once per site.
 */
export function takeLargest(bytes: Uint8Array, dtype: 'I32' | 'I64', isFirst: boolean, largest: Uint8Array): void {
  if (isFirst) {
    largest.set(bytes);
    return;
  }
  const [values, kept] = [integers(bytes, dtype), integers(largest, dtype)];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint;
    if (value > (kept[i] as number | bigint)) kept[i] = value;
  }
}

const integers = ({ buffer, byteOffset, length }: Uint8Array, dtype: 'I32' | 'I64') =>
  (dtype === 'I32'
    ? new Int32Array(buffer, byteOffset, length / 4)
    : new BigInt64Array(buffer, byteOffset, length / 8)) as unknown as (number | bigint)[];

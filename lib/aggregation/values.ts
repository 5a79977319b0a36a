import type { Kernels } from './kernels.ts';
import type { Block, Source } from './pass.ts';
import { tensorAt } from './slices.ts';

/**
 * The floats of a block as float32. Throws what the source's `fail` returns if a value is not finite.
 *
 * @param scratch receives decoded half floats; F32 is returned in place
 */
export function finiteFloats(block: Block<Source>, kernels: Kernels, scratch: Float32Array): Float32Array {
  const { bytes, dtype, source, slice } = block;
  const isHalf = dtype === 'F16' || dtype === 'BF16';
  const values = isHalf
    ? scratch.subarray(0, bytes.length / 2)
    : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  if (isHalf) kernels.decodeHalf(bytes, dtype, values);
  if (!kernels.finite(values)) {
    const index = values.findIndex((value) => !Number.isFinite(value));
    const tensor = tensorAt(slice, Math.floor(index / source.width));
    throw source.fail(`tensor "${tensor}" has values that are not finite`);
  }
  return values;
}

/**
 * Largest magnitude of a value of an update for a server optimiser, which keeps the square of a difference as float32. The
 * other strategies yield finite models from any finite values.
 */
const MAX_MAGNITUDE = 1e18;

/**
 * The floats of an update's block as float32, each finite and at most {@link MAX_MAGNITUDE}. Throws what the source's `fail`
 * returns otherwise: one site's finite but huge values must not make the merge infinite.
 *
 * @param scratch as for {@link finiteFloats}
 * @param lanes scratch for four float64
 */
export function updateFloats(
  block: Block<Source>,
  kernels: Kernels,
  scratch: Float32Array,
  lanes: Float64Array,
): Float32Array {
  const values = finiteFloats(block, kernels, scratch);
  kernels.addProducts(values, values, undefined, lanes.fill(0));
  // The sum of squares bounds the largest: only a block that may have such a value is searched for it.
  const squares = lanes.reduce((sum, lane) => sum + lane, 0);
  const index = squares > MAX_MAGNITUDE ** 2 ? values.findIndex((value) => Math.abs(value) > MAX_MAGNITUDE) : -1;
  if (index < 0) return values;
  throw block.source.fail(
    `tensor "${tensorAt(block.slice, index)}" holds ${values[index]}; at most ${MAX_MAGNITUDE} is allowed`,
  );
}

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

import type { Kernels } from './kernels.ts';
import type { Block, Source } from './pass.ts';
import { tensorAt } from './slices.ts';

/**
 * The floats of a block as float32; throws what the source's `fail` returns where one is not finite.
 *
 * @param scratch where halves are decoded to; F32 is looked at where it was read
 */
export function finiteFloats(block: Block<Source>, kernels: Kernels, scratch: Float32Array): Float32Array {
  const { bytes, dtype, source, slice } = block;
  const isHalf = dtype === 'F16' || dtype === 'BF16';
  const values = isHalf
    ? scratch.subarray(0, bytes.length / 2)
    : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  if (isHalf) kernels.decodeHalf(bytes, dtype, values);
  if (!kernels.finite(values)) {
    const worst = values.findIndex((value) => !Number.isFinite(value));
    const tensor = tensorAt(slice, Math.floor(worst / source.width));
    throw source.fail(`tensor "${tensor}" has values that are not finite`);
  }
  return values;
}

/**
 * Takes the element-wise maximum of whole numbers into `largest`, or copies them there where they are the first. A
 * counter is not a parameter: the mean of counts of steps is none, and a sum would count the shared past many times.
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

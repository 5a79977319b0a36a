import { KERNELS_WASM } from './kernels-wasm.ts';

/**
 * The inner loops of a merge, in WebAssembly with SIMD: several times faster than JavaScript and bit-identical on every
 * machine. The source is kernels.wat. Arrays must be allocated here, or be subarrays that start at a multiple of 16 bytes.
 */
export interface Kernels {
  /** Allocates `length` values with undefined content, in shared memory that other threads can read. */
  bytes(length: number): Uint8Array;
  float32(length: number): Float32Array;
  float64(length: number): Float64Array;
  /** Frees all arrays. None of them may be used again. */
  reset(): void;

  /** Whether all values are finite, and of at most a magnitude. */
  finite(values: Float32Array, largest?: number): boolean;
  /** sums = factor · values */
  assignScaled(values: Float32Array, factor: number, sums: Float64Array): void;
  /** sums += factor · values */
  addScaled(values: Float32Array, factor: number, sums: Float64Array): void;
  /** merged = sums / divisor, rounded to float32 once */
  roundQuotient(sums: Float64Array, divisor: number, merged: Float32Array): void;
  /** low[i], high[i] = min(low[i], high[i]), max(low[i], high[i]) */
  sortPairs(low: Float32Array, high: Float32Array): void;
  /** restored = base + factor · (values − base); with `areDifferences`, base + factor · values */
  restore(
    values: Float32Array,
    base: Float32Array,
    factor: number,
    areDifferences: boolean,
    restored: Float32Array,
  ): void;
  /**
   * lanes[i mod 4] += (a[i] − base[i]) · (b[i] − base[i]). The order of summation does not depend on the slices if these
   * start at multiples of four values.
   */
  addProducts(a: Float32Array, b: Float32Array, base: Float32Array | undefined, lanes: Float64Array): void;
  /** Converts little-endian half floats to float32 exactly. */
  decodeHalf(bytes: Uint8Array, dtype: 'F16' | 'BF16', values: Float32Array): void;
}

/** Exports of kernels.wat. */
interface Exports {
  within(x: number, end: number, limit: number): number;
  assignScaled(x: number, end: number, factor: number, sums: number): void;
  addScaled(x: number, end: number, factor: number, sums: number): void;
  roundQuotient(x: number, end: number, divisor: number, sums: number): void;
  sortPairs(x: number, end: number, y: number): void;
  restore(x: number, end: number, base: number, factor: number, kept: number, to: number): void;
  addProducts(x: number, end: number, y: number, base: number, kept: number, lanes: number): void;
  decodeF16(x: number, end: number, halves: number): void;
  decodeBF16(x: number, end: number, halves: number): void;
}

/** Values that a kernel processes at a time. Arrays are padded to whole groups. */
export const GROUP = 4;
const GROUP_BYTES = 4 * GROUP;
const PAGE_BYTES = 64 * 1024;
/** The largest finite float32. What is larger in magnitude is not finite. */
export const MAX_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;
/** Upper bound of 1 GiB. A merge needs less than 200 MB. */
const MAX_PAGES = 16384;

/** The part of the WebAssembly API that is used here, which the types of Node lack. */
const { Module, Instance, Memory } = Reflect.get(globalThis, 'WebAssembly') as {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  readonly Memory: new (limits: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }) => { readonly buffer: SharedArrayBuffer; grow(pages: number): number };
};

let compiled: object | undefined;

/** Creates kernels with their own memory, which grows with the allocations. */
export function createKernels(): Kernels {
  compiled ??= new Module(Buffer.from(KERNELS_WASM, 'base64'));
  const memory = new Memory({ initial: 0, maximum: MAX_PAGES, shared: true });
  const wasm = new Instance(compiled, { env: { memory } }).exports as Exports;
  let allocated = 0;

  /** Allocates whole groups, so that no group spans two arrays. */
  function allocate(bytes: number): readonly [buffer: SharedArrayBuffer, start: number] {
    const start = allocated;
    allocated += Math.ceil(bytes / GROUP_BYTES) * GROUP_BYTES;
    const missing = Math.ceil((allocated - memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) memory.grow(missing);
    return [memory.buffer, start];
  }

  return {
    bytes: (length) => new Uint8Array(...allocate(length), length),
    float32: (length) => new Float32Array(...allocate(4 * length), length),
    float64: (length) => new Float64Array(...allocate(8 * GROUP * Math.ceil(length / GROUP)), length),
    reset: () => {
      allocated = 0;
    },
    finite: (values, largest = MAX_FLOAT32) => wasm.within(values.byteOffset, endOf(values), largest) === 1,
    assignScaled: (values, factor, sums) =>
      wasm.assignScaled(values.byteOffset, endOf(values), factor, sums.byteOffset),
    addScaled: (values, factor, sums) => wasm.addScaled(values.byteOffset, endOf(values), factor, sums.byteOffset),
    roundQuotient: (sums, divisor, merged) =>
      wasm.roundQuotient(merged.byteOffset, endOf(merged), divisor, sums.byteOffset),
    sortPairs: (low, high) => wasm.sortPairs(low.byteOffset, endOf(low), high.byteOffset),
    restore: (values, base, factor, areDifferences, restored) =>
      wasm.restore(
        values.byteOffset,
        endOf(values),
        base.byteOffset,
        factor,
        areDifferences ? 0 : 1,
        restored.byteOffset,
      ),
    addProducts: (a, b, base, lanes) => {
      const end = endOf(a);
      endOf(b);
      if (base) endOf(base);
      wasm.addProducts(a.byteOffset, end, b.byteOffset, (base ?? a).byteOffset, base ? 1 : 0, lanes.byteOffset);
    },
    decodeHalf: (bytes, dtype, values) => {
      const decode = dtype === 'F16' ? wasm.decodeF16 : wasm.decodeBF16;
      decode(values.byteOffset, endOf(values), bytes.byteOffset);
    },
  };
}

/** The address after the last group. Sets the padding of the last group to zero, which affects no kernel's result. */
function endOf({ buffer, byteOffset, length }: Float32Array): number {
  const groups = Math.ceil(length / GROUP);
  const rest = groups * GROUP - length;
  if (rest > 0) new Float32Array(buffer, byteOffset + 4 * length, rest).fill(0);
  return byteOffset + groups * GROUP_BYTES;
}

import { KERNELS_WASM } from './kernels-wasm.ts';

/**
 * The loops over values, as WebAssembly with SIMD: several times faster than JavaScript, and the same to the bit on
 * every machine. Their source is kernels.wat. They work on arrays that were allocated here, or on parts of these that
 * start at a multiple of 16 bytes.
 */
export interface Kernels {
  /** Memory for so many values; what it holds is undefined. It is shared: other threads can read it. */
  bytes(length: number): Uint8Array;
  float32(length: number): Float32Array;
  float64(length: number): Float64Array;
  /** Gives all memory up for new arrays: no array that was allocated before may be used again. */
  reset(): void;

  /** Whether no value is NaN or infinite. */
  finite(values: Float32Array): boolean;
  /** sums = factor · values */
  assignScaled(values: Float32Array, factor: number, sums: Float64Array): void;
  /** sums += factor · values */
  addScaled(values: Float32Array, factor: number, sums: Float64Array): void;
  /** merged = sums / divisor, rounded to float32 once */
  roundQuotient(sums: Float64Array, divisor: number, merged: Float32Array): void;
  /** The smaller of each two values to `low`, the larger to `high`. */
  sortPairs(low: Float32Array, high: Float32Array): void;
  /** restored = base + factor · (values − base), or base + factor · values where these are differences already */
  restore(
    values: Float32Array,
    base: Float32Array,
    factor: number,
    areDifferences: boolean,
    restored: Float32Array,
  ): void;
  /**
   * lane[i mod 4] += (a[i] − base[i]) · (b[i] − base[i]): sums in a fixed order, whatever the slices, as long as these
   * start at multiples of four values.
   */
  addProducts(a: Float32Array, b: Float32Array, base: Float32Array | undefined, lanes: Float64Array): void;
  /** The float32 of half floats, little-endian, exactly. */
  decodeHalf(bytes: Uint8Array, dtype: 'F16' | 'BF16', values: Float32Array): void;
}

/** What kernels.wat exports. */
interface Exports {
  finite(x: number, end: number): number;
  assignScaled(x: number, end: number, factor: number, sums: number): void;
  addScaled(x: number, end: number, factor: number, sums: number): void;
  roundQuotient(x: number, end: number, divisor: number, sums: number): void;
  sortPairs(x: number, end: number, y: number): void;
  restore(x: number, end: number, base: number, factor: number, kept: number, to: number): void;
  addProducts(x: number, end: number, y: number, base: number, kept: number, lanes: number): void;
  decodeF16(x: number, end: number, halves: number): void;
  decodeBF16(x: number, end: number, halves: number): void;
}

/** Values that a kernel takes at a time, and what they have as float32. */
export const GROUP = 4;
const GROUP_BYTES = 4 * GROUP;
const PAGE_BYTES = 64 * 1024;
/** A merge works within 200 MB. */
const MAX_PAGES = 16384;

/** What is used of it: the types of Node do not have it. */
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

/** Kernels with memory of their own, which grows with what is allocated and goes with the last array of it. */
export function createKernels(): Kernels {
  compiled ??= new Module(Buffer.from(KERNELS_WASM, 'base64'));
  const memory = new Memory({ initial: 0, maximum: MAX_PAGES, shared: true });
  const wasm = new Instance(compiled, { env: { memory } }).exports as Exports;
  let allocated = 0;

  /** Whole groups, so that a kernel never works on two arrays at once. */
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
    finite: (values) => wasm.finite(values.byteOffset, endOf(values)) === 1,
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

/** The address after the last group. What a group has beyond the values is set to zero, which no kernel minds. */
function endOf({ buffer, byteOffset, length }: Float32Array): number {
  const groups = Math.ceil(length / GROUP);
  const rest = groups * GROUP - length;
  if (rest > 0) new Float32Array(buffer, byteOffset + 4 * length, rest).fill(0);
  return byteOffset + groups * GROUP_BYTES;
}

import type { SquaredDistances } from './strategy.ts';

/** Partial sums of every product, by the index of a value: the same whatever the slices, which hold multiples of it. */
export const LANES = 4;

/**
 * Products of updates' differences from their base with each other, from which their norms and distances follow:
 * float64, summed in the order of the values. One pass over the updates is enough whatever is then scaled.
 */
export interface Products {
  /** Adds a slice. `base`: subtracted from each of the rows. */
  add(rows: readonly Float32Array[], base: Float32Array | undefined): void;
  /** ⟨row i, row j⟩ over all slices. */
  of(i: number, j: number): number;
}

/** @param pairs whether products of different updates are wanted, or those with themselves only */
export function createProducts(updates: number, pairs: boolean): Products {
  const sums = new Map<string, Float64Array>();
  const at = (i: number, j: number) => `${Math.min(i, j)} ${Math.max(i, j)}`;
  for (let i = 0; i < updates; i++) {
    for (let j = pairs ? 0 : i; j <= i; j++) sums.set(at(i, j), new Float64Array(LANES));
  }
  return {
    add: (rows, base) => {
      for (const [i, row] of rows.entries()) {
        for (const [j, other] of rows.entries()) {
          if (j > i || !(pairs || i === j)) continue;
          addProducts(row, other, base, sums.get(at(i, j)) as Float64Array);
        }
      }
    },
    of: (i, j) => (sums.get(at(i, j)) as Float64Array).reduce((sum, lane) => sum + lane, 0),
  };
}

function addProducts(a: Float32Array, b: Float32Array, base: Float32Array | undefined, lanes: Float64Array): void {
  for (let i = 0; i < a.length; i++) {
    const from = base ? (base[i] as number) : 0;
    const lane = i % LANES;
    lanes[lane] = (lanes[lane] as number) + ((a[i] as number) - from) * ((b[i] as number) - from);
  }
}

/** By how much each update's difference is scaled down so that its L2 norm is at most `clipNorm`. */
export const clippingFactors = (products: Products, updates: number, clipNorm: number): readonly number[] =>
  Array.from({ length: updates }, (_, i) => Math.min(1, clipNorm / Math.sqrt(products.of(i, i))));

/** Squared distances of the updates from each other, their differences having been scaled. */
export const squaredDistances = (products: Products, factors: readonly number[]): SquaredDistances =>
  factors.map((a, i) =>
    factors.map((b, j) => {
      const distance = a * a * products.of(i, i) - 2 * a * b * products.of(i, j) + b * b * products.of(j, j);
      return Math.max(0, distance);
    }),
  );

import { GROUP, type Kernels } from './kernels.ts';
import type { SquaredDistances } from './strategies/strategy.ts';

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

/** Values of a row that are looked at at a time: those of all rows stay in the cache while each meets each. */
const STRIP = 2048;

/** @param pairs whether products of different updates are wanted, or those with themselves only */
export function createProducts(updates: number, pairs: boolean, kernels: Kernels): Products {
  const wanted = Array.from({ length: updates }, (_, i) =>
    Array.from({ length: pairs ? i + 1 : 1 }, (_, j) => ({
      other: pairs ? j : i,
      lanes: kernels.float64(GROUP).fill(0),
    })),
  );
  return {
    add: (rows, base) => {
      const size = rows[0]?.length ?? 0;
      for (let start = 0; start < size; start += STRIP) {
        const strips = rows.map((row) => row.subarray(start, start + STRIP));
        const from = base?.subarray(start, start + STRIP);
        for (const [i, row] of wanted.entries()) {
          for (const { other, lanes } of row) {
            kernels.addProducts(strips[i] as Float32Array, strips[other] as Float32Array, from, lanes);
          }
        }
      }
    },
    of: (i, j) => {
      const [row, column] = [Math.max(i, j), Math.min(i, j)];
      const product = wanted[row]?.find(({ other }) => other === column);
      return product?.lanes.reduce((sum, lane) => sum + lane, 0) ?? Number.NaN;
    },
  };
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

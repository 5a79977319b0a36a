import { GROUP, type Kernels } from './kernels.ts';
import type { SquaredDistances } from './strategies/strategy.ts';

/**
 * Inner products of the updates' differences from their base, in float64 and summed in a fixed order. Norms and distances
 * follow from them, also those of scaled differences, so that one pass over the updates suffices.
 */
export interface Products {
  /** Adds a slice: one row per update. `base` is subtracted from each row. */
  add(rows: readonly Float32Array[], base: Float32Array | undefined): void;
  /** ⟨row i, row j⟩ over all slices. */
  dot(i: number, j: number): number;
}

/** Values of a row that are processed at a time, so that the strips of all rows stay in the CPU cache. */
const STRIP = 2048;

export function createProducts(updates: number, kernels: Kernels): Products {
  const wanted = Array.from({ length: updates }, (_, i) =>
    Array.from({ length: i + 1 }, () => kernels.float64(GROUP).fill(0)),
  );
  return {
    add: (rows, base) => {
      const size = rows[0]?.length ?? 0;
      for (let start = 0; start < size; start += STRIP) {
        const strips = rows.map((row) => row.subarray(start, start + STRIP));
        const from = base?.subarray(start, start + STRIP);
        for (const [i, row] of wanted.entries()) {
          for (const [other, lanes] of row.entries()) {
            kernels.addProducts(strips[i] as Float32Array, strips[other] as Float32Array, from, lanes);
          }
        }
      }
    },
    dot: (i, j) => {
      const [row, column] = [Math.max(i, j), Math.min(i, j)];
      return wanted[row]?.[column]?.reduce((sum, lane) => sum + lane, 0) ?? Number.NaN;
    },
  };
}

/** Squared distances between the updates after their differences are scaled with `factors`. */
export const squaredDistances = (products: Products, factors: readonly number[]): SquaredDistances =>
  factors.map((a, i) =>
    factors.map((b, j) => {
      const distance = a * a * products.dot(i, i) - 2 * a * b * products.dot(i, j) + b * b * products.dot(j, j);
      return Math.max(0, distance);
    }),
  );

import type { Strategy } from './strategy.ts';

/**
 * The mean of each value over the updates, without the `drop` smallest and as many largest. It is unweighted, since a
 * faulty site may report a wrong number of samples.
 *
 * @param drop number of values left out at either end, for a number of updates; less than half
 */
export const middleMean = (drop: (updates: number) => number): Strategy => ({
  moments: [],
  holdsAll: true,
  tolerates: drop,
  createReducer: (updates, capacity, kernels) => {
    const rows = Array.from({ length: updates }, () => kernels.float32(capacity));
    const sums = kernels.float64(capacity);
    let sorting = { rows: updates, comparisons: sortingNetwork(updates) };
    let next = 0;
    return {
      add: (values) => {
        rows[next++]?.set(values);
      },
      finish: (merged) => {
        const slice = rows.slice(0, next).map((row) => row.subarray(0, merged.length));
        if (sorting.rows !== next) sorting = { rows: next, comparisons: sortingNetwork(next) };
        for (const [low, high] of sorting.comparisons)
          kernels.sortPairs(slice[low] as Float32Array, slice[high] as Float32Array);
        const dropped = drop(next);
        next = 0;
        const middle = slice.slice(dropped, slice.length - dropped);
        for (const [i, row] of middle.entries()) (i === 0 ? kernels.assignScaled : kernels.addScaled)(row, 1, sums);
        kernels.roundQuotient(sums, middle.length, merged);
      },
    };
  },
});

/**
 * Pairs of rows to compare, and to exchange if the first is larger, in order; afterwards all rows are sorted. The pairs
 * do not depend on the values, so that each comparison is one loop over a slice. Batcher's odd-even merge sort (1968;
 * Knuth, The Art of Computer Programming, vol. 3, 5.2.2, algorithm M).
 */
export function sortingNetwork(rows: number): readonly (readonly [low: number, high: number])[] {
  const pairs: (readonly [number, number])[] = [];
  const top = 2 ** Math.max(0, Math.ceil(Math.log2(rows)) - 1);
  for (let p = top; p >= 1; p /= 2) {
    for (let q = top, r = 0, d = p; ; d = q - p, q /= 2, r = p) {
      for (let i = 0; i < rows - d; i++) if ((i & p) === r) pairs.push([i, i + d]);
      if (q === p) break;
    }
  }
  return pairs;
}

/** The loops over values. All accumulate in float64. */

/** sums = factor · values */
export function assignScaled(values: Float32Array, factor: number, sums: Float64Array): void {
  for (let i = 0; i < values.length; i++) sums[i] = factor * (values[i] as number);
}

/** sums += factor · values */
export function addScaled(values: Float32Array, factor: number, sums: Float64Array): void {
  for (let i = 0; i < values.length; i++) sums[i] = (sums[i] as number) + factor * (values[i] as number);
}

/** merged = sums / divisor, rounded to float32 once */
export function roundQuotient(sums: Float64Array, divisor: number, merged: Float32Array): void {
  for (let i = 0; i < merged.length; i++) merged[i] = (sums[i] as number) / divisor;
}

/** The smaller of each two values to `low`, the larger to `high`. */
export function sortPairs(low: Float32Array, high: Float32Array): void {
  for (let i = 0; i < low.length; i++) {
    const [a, b] = [low[i] as number, high[i] as number];
    low[i] = Math.min(a, b);
    high[i] = Math.max(a, b);
  }
}

/** restored = base + factor · (values − base), or base + factor · values where `values` are differences already */
export function restore(
  values: Float32Array,
  base: Float32Array,
  factor: number,
  areDifferences: boolean,
  restored: Float32Array,
): void {
  for (let i = 0; i < values.length; i++) {
    const from = base[i] as number;
    const difference = areDifferences ? (values[i] as number) : (values[i] as number) - from;
    restored[i] = from + factor * difference;
  }
}

/**
 * Quantile `q` (0 to 1) of the values by linear interpolation between order statistics (Hyndman & Fan type 7, numpy's
 * default), or null without values.
 */
export function quantile(values: readonly number[], q: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

/** The middle value, or the mean of the middle two; null without values. */
export const median = (values: readonly number[]): number | null => quantile(values, 0.5);

/** Arithmetic mean, or null without values. */
export const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

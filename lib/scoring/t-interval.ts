import { mean } from './quantile.ts';

/** Both ends included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantiles of Student's t for 1 to 10 degrees of freedom (scipy.stats.t.ppf). */
const QUANTILES = [
  12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
] as const;

/** 97.5 % quantile of the normal distribution. */
const NORMAL = 1.959964;

/**
 * 97.5 % quantile of Student's t. Beyond ten degrees of freedom by the expansion of Abramowitz and Stegun (26.7.5),
 * which is exact to 0.0003 there.
 */
export function tQuantile(degreesOfFreedom: number): number {
  const exact = QUANTILES[degreesOfFreedom - 1];
  if (exact !== undefined) return exact;
  const [z, v] = [NORMAL, degreesOfFreedom];
  return (
    z +
    (z ** 3 + z) / (4 * v) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3)
  );
}

/** 95 % interval of the mean of independent values by Student's t; null below two values. */
export function meanInterval(values: readonly number[]): Interval | null {
  const middle = mean(values);
  if (middle === null || values.length < 2) return null;
  const half = tQuantile(values.length - 1) * (deviation(values) / Math.sqrt(values.length));
  return { low: middle - half, high: middle + half };
}

/** Standard deviation of a sample, with n − 1 in the denominator; 0 below two values. */
export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  if (middle === null || values.length < 2) return 0;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

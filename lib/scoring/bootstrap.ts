import type { Random } from '../random.ts';
import { quantile } from './quantile.ts';

/** A figure with its 95 % interval; all null if the figure is undefined. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

const RESAMPLES = 2000;

/**
 * Percentile bootstrap (Efron 1979) over clusters, here the sites of every seed: cases of one site share a scanner and
 * are therefore drawn together. A difference of two models computed inside `statistic` is paired, because both models
 * are evaluated on the same drawn clusters.
 *
 * @param statistic of a sample of clusters; null if undefined, such as the median of no values
 */
export function bootstrap<T>(
  clusters: readonly T[],
  statistic: (sample: readonly T[]) => number | null,
  random: Random,
): Estimate {
  const value = statistic(clusters);
  if (value === null) return { value, low: null, high: null };
  const draws = Array.from({ length: RESAMPLES }, () =>
    statistic(clusters.map(() => clusters[Math.floor(random() * clusters.length)] as T)),
  ).filter((draw) => draw !== null);
  return { value, low: quantile(draws, 0.025), high: quantile(draws, 0.975) };
}

import type { Random } from '../random.ts';
import { quantile } from './quantile.ts';

/** A figure with its 95 % interval; all null where the figure is not defined. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

const RESAMPLES = 2000;

/**
 * Percentile bootstrap (Efron 1979) over clusters, here the sites of every seed: cases of one site share its scanner,
 * so that they are drawn together. A difference of two models computed inside `statistic` is a paired one, because both
 * are seen on the same drawn clusters.
 *
 * @param statistic of a sample of clusters; null where it is not defined, as a median of nothing
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

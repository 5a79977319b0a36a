import type { Random } from '../random.ts';
import { bootstrap, type Estimate } from './bootstrap.ts';
import { mean } from './quantile.ts';

/** Two models on the same cases, first minus second. */
export interface PairedComparison {
  readonly mean: Estimate;
  /** Cases in which the first is higher, equal, lower. */
  readonly higher: number;
  readonly equal: number;
  readonly lower: number;
}

/**
 * Summarises differences between two models, one per case, with a 95 % interval by a percentile bootstrap over cases. A
 * difference within one case does not depend on how hard the case is. One value per case makes no assumption about the
 * points within it.
 *
 * @param differences null for a case without one: it is left out
 * @param random seeded, so that the interval is reproducible
 */
export function comparePaired(differences: readonly (number | null)[], random: Random): PairedComparison {
  const values = differences.filter((value) => value !== null);
  const count = (sign: number) => values.filter((value) => Math.sign(value) === sign).length;
  return { mean: bootstrap(values, mean, random), higher: count(1), equal: count(0), lower: count(-1) };
}

import type { Random } from '../random.ts';
import { bootstrap, type Estimate } from './bootstrap.ts';
import { mean } from './quantile.ts';

/** Two models on the same cases, first minus second. */
export interface PairedComparison {
  readonly mean: Estimate;
  /** Cases on which the first is above, equal, below. */
  readonly higher: number;
  readonly equal: number;
  readonly lower: number;
}

/**
 * Sums up differences of two models, one a case, with a 95 % interval by a percentile bootstrap over cases. Being of the
 * same case, a difference is free of how hard the case is; being one a case, it asks nothing of the points within.
 *
 * @param differences null where a case has none: it is left out
 * @param random seeded, so that an interval can be had again
 */
export function comparePaired(differences: readonly (number | null)[], random: Random): PairedComparison {
  const values = differences.filter((value) => value !== null);
  const count = (sign: number) => values.filter((value) => Math.sign(value) === sign).length;
  return { mean: bootstrap(values, mean, random), higher: count(1), equal: count(0), lower: count(-1) };
}

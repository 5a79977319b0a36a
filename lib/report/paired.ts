import { FedcardioError } from '../error.ts';
import type { Random } from '../random.ts';
import { bootstrap, type Estimate } from './bootstrap.ts';
import { landmarkMetrics } from './metrics.ts';

/** A case as two models did on it: errors of the same points in the same order, mm, null where one was missing. */
export interface PairedCase {
  readonly first: readonly (number | null)[];
  readonly second: readonly (number | null)[];
}

export interface PairedComparison {
  readonly cases: number;
  /** Points of all cases. */
  readonly n: number;
  /** First minus second, mm: medians of the points that each has found. Below 0, the first is nearer. */
  readonly median: Estimate;
  /** First minus second, of the shares of all points found within 6 mm. Above 0, the first finds more. */
  readonly within6mm: Estimate;
}

/**
 * Compares two models on the same cases: differences with 95 % intervals by a percentile bootstrap. Cases are drawn, not
 * points, because the points of a case are not independent; and each with what both models made of it, so that cases
 * that are hard for both add nothing to the interval.
 *
 * @param random seeded, so that an interval can be had again
 * @throws BAD_CONFIGURATION where the models were not scored on the same points
 */
export function comparePaired(cases: readonly PairedCase[], random: Random): PairedComparison {
  if (cases.some(({ first, second }) => first.length !== second.length)) {
    throw new FedcardioError('BAD_CONFIGURATION', 'The models to compare were not scored on the same points.');
  }
  return {
    cases: cases.length,
    n: cases.reduce((sum, { first }) => sum + first.length, 0),
    median: bootstrap(cases, (sample) => difference(sample, 'median'), random),
    within6mm: bootstrap(cases, (sample) => difference(sample, 'within6mm'), random),
  };
}

function difference(sample: readonly PairedCase[], of: 'median' | 'within6mm'): number | null {
  const first = landmarkMetrics(sample.flatMap((one) => one.first))[of];
  const second = landmarkMetrics(sample.flatMap((one) => one.second))[of];
  return first === null || second === null ? null : first - second;
}

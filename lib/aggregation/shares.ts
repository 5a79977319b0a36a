import type { Aggregation } from '../federation/schemas.ts';

/** The limit on shares; undefined for strategies in which every update counts alike. */
export const shareFactorOf = (aggregation: Aggregation): number | null | undefined =>
  'shareFactor' in aggregation ? aggregation.shareFactor : undefined;

/** What a late update's samples are multiplied with; undefined if late updates do not count. */
export const lateFactorOf = (aggregation: Aggregation): number | undefined =>
  'lateFactor' in aggregation ? aggregation.lateFactor : undefined;

/**
 * The weights of updates in an average: their samples, reduced so that none has more than `shareFactor` times the share
 * that it would have if all counted alike. A limit that no update exceeds changes no weight, so that the merge keeps its
 * bytes. Nothing can be limited among `shareFactor` updates or fewer.
 *
 * @param samples more than 0 each, not necessarily whole
 * @param shareFactor at least 1; null or undefined: no limit
 */
export function weightsOf(samples: readonly number[], shareFactor: number | null | undefined): readonly number[] {
  const count = samples.length;
  if (typeof shareFactor !== 'number' || shareFactor >= count) return samples;
  let limit = Number.POSITIVE_INFINITY;
  let rest = samples.reduce((sum, value) => sum + value, 0);
  // With the k largest at the limit w, w = shareFactor / count · (k · w + rest).
  for (const [k, largest] of samples.toSorted((a, b) => b - a).entries()) {
    limit = (shareFactor * rest) / (count - k * shareFactor);
    if (largest <= limit) break;
    rest -= largest;
  }
  return samples.map((value) => Math.min(value, limit));
}

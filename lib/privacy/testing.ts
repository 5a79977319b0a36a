import { createHash } from 'node:crypto';
import type { Release } from '../federation/schemas.ts';
import { derivedBytes, type RandomBytes } from './random-bytes.ts';

/** Bytes that are the same in every run. */
export const seededBytes = (seed: string): RandomBytes => derivedBytes(createHash('sha256').update(seed).digest());

/**
 * Pearson's chi-square as a standard normal deviate (Wilson and Hilferty 1931): beyond ±5 with a probability of about one in
 * a million if the counts come from the expected distribution.
 */
export function chiSquareDeviate(observed: readonly number[], expected: readonly number[]): number {
  const statistic = observed.reduce(
    (sum, count, i) => sum + (count - (expected[i] as number)) ** 2 / (expected[i] as number),
    0,
  );
  const freedom = observed.length - 1;
  return ((statistic / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
}

/** How many values fall into each bin. `binOf` outside of 0 … bins − 1 counts in the nearest bin. */
export function binned<T>(values: Iterable<T>, bins: number, binOf: (value: T) => number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.max(0, Math.min(bins - 1, binOf(value)));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}

/** What a round has released, with the given fields replaced. */
export const testRelease = (fields: Partial<Release> = {}): Release => ({
  campaign: 'tavi',
  stage: 'teacher',
  round: 1,
  at: '2026-03-02T08:00:00Z',
  of: '0'.repeat(16),
  unit: 'site',
  noise: 2,
  rate: 1,
  count: 1,
  ...fields,
});

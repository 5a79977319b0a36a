import type { Score } from '../federation/schemas.ts';
import { mean } from './quantile.ts';
import { deviation } from './t-interval.ts';

/** Agreement of predicted with true volumes (Bland and Altman 1986), mm³. */
export interface Agreement {
  readonly cases: number;
  /** Mean of predicted minus true. */
  readonly bias: number;
  /** Limits of agreement: bias ± 1.96 standard deviations of the differences. */
  readonly low: number;
  readonly high: number;
  /**
   * Change of the error for each mm³ of true volume, by least squares: the true volume is a reference, not a second
   * measurement (Krouwer 2008). Null if it is unknown, or all true volumes are the same.
   */
  readonly slope: number | null;
  /** All predicted volume over all true volume; null without any true volume. */
  readonly ratio: number | null;
}

type Volumes = Pick<Score, 'volumes' | 'volumeErrors' | 'volumeErrorByTruth'>;

/** The agreement over the cases of several scores; null without volumes. */
export function agreementOf(scores: readonly Volumes[]): Agreement | null {
  const known = scores.filter(({ volumeErrors }) => volumeErrors !== undefined);
  const errors = known.flatMap(({ volumeErrors }) => volumeErrors ?? []);
  const bias = mean(errors);
  if (bias === null) return null;
  const truth = known.flatMap(({ volumes }) => volumes?.truth ?? []);
  const prediction = known.flatMap(({ volumes }) => volumes?.prediction ?? []);
  const reach = 1.96 * deviation(errors);
  return {
    cases: errors.length,
    bias,
    low: bias - reach,
    high: bias + reach,
    slope: slopeOf(known, truth, errors),
    ratio: sum(truth) === 0 ? null : sum(prediction) / sum(truth),
  };
}

function slopeOf(scores: readonly Volumes[], truth: readonly number[], errors: readonly number[]): number | null {
  const products = scores.map(({ volumeErrorByTruth }) => volumeErrorByTruth);
  if (products.some((product) => product === undefined)) return null;
  const n = truth.length;
  const spread = sum(truth.map((value) => value * value)) - sum(truth) ** 2 / n;
  if (!(spread > 1e-9)) return null;
  return (sum(products.map((product) => product ?? 0)) - (sum(truth) * sum(errors)) / n) / spread;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

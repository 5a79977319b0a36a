import { FedcardioError } from '../error.ts';

/** How floats become whole numbers whose sum over all sites fits into 32 bits. Part of a round's terms, the same at all sites. */
export interface FixedPoint {
  /** Values are clipped to ±range. */
  readonly range: number;
  /** Most that the weights of all sites may add up to: the samples that their summaries count. Whole. */
  readonly totalWeight: number;
  /** Number of sites that may be added up. */
  readonly sites: number;
  /** Steps left free for noise at either end. Default 0. */
  readonly headroom?: number;
}

/** The largest magnitude that a sum may have. */
const LARGEST = 2 ** 31 - 1;

/** Steps that a sum of rounded values may take, with those for noise. */
export const stepsFor = (sites: number): number => LARGEST - Math.ceil(sites / 2);

/**
 * The weighted value of one step. A site sends round(w · x / step), so that the sum is at most
 * totalWeight · range / step + sites/2 + headroom ≤ 2³¹ − 1.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if the terms leave no steps
 */
export function stepOf({ range, totalWeight, sites, headroom = 0 }: FixedPoint): number {
  const steps = stepsFor(sites) - headroom;
  const isSound = range > 0 && Number.isFinite(range) && Number.isInteger(totalWeight) && totalWeight >= 1;
  if (isSound && totalWeight <= LARGEST && steps >= 1) return (range * totalWeight) / steps;
  throw new FedcardioError('BAD_CONFIGURATION', 'Secure aggregation: range, weights or noise leave no fixed point.', {
    hint: 'Lower the noise, or check the range and the numbers of samples.',
  });
}

/**
 * Bound on |mean − weighted mean of the clipped values|, without noise and without the rounding to float32: each site rounds
 * by at most half a step.
 *
 * @param weight what the added sites' weights add up to
 */
export const errorBound = (terms: FixedPoint, weight: number): number => (terms.sites * stepOf(terms)) / 2 / weight;

/**
 * Writes weighted values as fixed point. Throws `BAD_UPDATE` if a value is not finite.
 *
 * @param weight whole, 0 to totalWeight
 * @returns how many values were clipped
 */
export function encodeFixed(values: Float32Array, weight: number, terms: FixedPoint, into: Int32Array): number {
  const { range } = terms;
  const factor = weight / stepOf(terms);
  let clipped = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value))
      throw new FedcardioError('BAD_UPDATE', `An update holds ${value}, which cannot be added up.`);
    const bounded = Math.max(-range, Math.min(range, value));
    if (bounded !== value) clipped++;
    into[i] = Math.round(bounded * factor);
  }
  return clipped;
}

/** The weighted mean of a sum without masks, as float32. */
export function decodeMean(sum: Int32Array, weight: number, terms: FixedPoint, into: Float32Array): void {
  const factor = stepOf(terms) / weight;
  for (let i = 0; i < sum.length; i++) into[i] = (sum[i] as number) * factor;
}

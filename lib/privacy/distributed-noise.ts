import { FedcardioError } from '../error.ts';
import { ORDERS, type RenyiCurve } from './accountant.ts';
import { type FixedPoint, stepOf, stepsFor } from './fixed-point.ts';

/**
 * Every site adds discrete Gaussian noise, and only the sum is seen: Kairouz, Liu and Steinke 2021 (arXiv:2102.06387). The
 * sum of discrete Gaussians is not quite one, by a factor that falls exponentially with σ².
 */
export interface DistributedNoise {
  /** Standard deviation of one site's noise, in steps of the fixed point; at least 1/2. */
  readonly sigma: number;
  /** Sites whose noise is in the sum. What dropped out, or is not trusted to have added it, does not count. */
  readonly sites: number;
  /** Number of values. */
  readonly dimension: number;
  /** Bound on the L2 norm of one site's values, in steps, after rounding. */
  readonly norm: number;
  /** How often. */
  readonly count: number;
}

/**
 * Bound on how far the sum of `sites` discrete Gaussians is from one: τ of theorem 1,
 * 10·Σ exp(−2π²σ²·k/(k + 1)), k = 1 … sites − 1.
 */
export function sumInflation(sigma: number, sites: number): number {
  let sum = 0;
  for (let k = 1; k < sites; k++) sum += Math.exp(-2 * Math.PI ** 2 * sigma ** 2 * (k / (k + 1)));
  return 10 * sum;
}

/** The Rényi curve of the sum, without sub-sampling: proposition 14, the least of its three bounds. */
export function distributedCurve(noise: DistributedNoise, orders: readonly number[] = ORDERS): RenyiCurve {
  const { sigma, sites, dimension, norm, count } = noise;
  const deviation = Math.sqrt(sites) * sigma;
  const inflation = sumInflation(sigma, sites);
  const l2 = norm / deviation;
  // Of whole numbers the L1 norm is at most the squared L2 norm.
  const l1 = Math.min(Math.sqrt(dimension) * norm, norm * norm) / deviation;
  const costAt = (order: number) =>
    Math.min(
      (order / 2) * l2 ** 2 + inflation * dimension,
      (order / 2) * (l2 ** 2 + 2 * l1 * inflation + inflation ** 2 * dimension),
      (order / 2) * (l2 + inflation * Math.sqrt(dimension)) ** 2,
    );
  return new Map(orders.map((order) => [order, sigma >= 0.5 ? count * costAt(order) : Number.POSITIVE_INFINITY]));
}

/**
 * Bound on the L2 norm after rounding each value to the nearest step.
 *
 * @param norm bound before rounding, in steps
 */
export const roundedNorm = (norm: number, dimension: number): number => norm + Math.sqrt(dimension) / 2;

/** The noise that is asked of a sum. */
interface SumNoise {
  /** Largest L2 norm of an update. */
  readonly clip: number;
  /** Standard deviation, as a multiple of `clip`. */
  readonly noiseMultiplier: number;
}

/**
 * The noise of one site's update, as a multiple of the clip: a sum of `threshold` updates has all of the noise even without the
 * share of one site, which knows what it has added.
 *
 * @param threshold fewest updates in a sum, at least 2
 */
export const shareOfNoise = ({ noiseMultiplier }: SumNoise, threshold: number): number =>
  noiseMultiplier / Math.sqrt(threshold - 1);

/**
 * Standard deviations of the summed noise that fit beside the values; nine of them for the largest networks with the most noise,
 * where rounding counts. Beyond, a value wraps around: with a probability below 1e−18.
 */
const TAIL = 10;

/** The fixed point of a cohort whose updates have noise. Every update has the weight 1. */
export function noisyFixedPoint(
  noise: SumNoise,
  { sites, threshold }: { readonly sites: number; readonly threshold: number },
): FixedPoint {
  // Of n updates with c steps to the clip, n·c + t·c ≤ steps.
  const tail = TAIL * shareOfNoise(noise, threshold) * Math.sqrt(sites);
  const headroom = Math.ceil((stepsFor(sites) * tail) / (sites + tail));
  return { range: noise.clip, totalWeight: sites, sites, headroom };
}

/** From here on, a sum of discrete Gaussians is one to the last bit: {@link sumInflation} is below 1e−400. */
const LEAST_SIGMA = 10;

/**
 * Standard deviation of one site's noise, in steps.
 *
 * @param dimension number of values of an update
 * @throws FedcardioError `BAD_CONFIGURATION` if the steps are too coarse for what is accounted
 */
export function sigmaOfShare(
  noise: SumNoise,
  threshold: number,
  { terms, dimension }: { readonly terms: FixedPoint; readonly dimension: number },
): number {
  const sigma = shareOfNoise(noise, threshold) * roundedNorm(noise.clip / stepOf(terms), dimension);
  if (sigma >= LEAST_SIGMA) return sigma;
  throw new FedcardioError('BAD_CONFIGURATION', 'Secure aggregation: its fixed point is too coarse for the noise.', {
    hint: 'Plan a larger noiseMultiplier, or a smaller ε.',
  });
}

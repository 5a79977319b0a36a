import { ORDERS, type RenyiCurve } from './accountant.ts';

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

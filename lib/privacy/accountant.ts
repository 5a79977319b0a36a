import { FedcardioError } from '../error.ts';
import { logNormalCdf } from './log-space.ts';
import { sampledGaussianRdp } from './sampled-gaussian.ts';

/** Releases of one kind: a sum, clipped to a norm, with Gaussian noise. */
export interface GaussianRelease {
  /** Standard deviation of the noise divided by the L2 sensitivity. */
  readonly noise: number;
  /** Probability with which each unit of privacy takes part, by independent draws (Poisson); 1: it always does. */
  readonly rate: number;
  /** How often. */
  readonly count: number;
}

/** Rényi divergence by order: what composes by addition. Infinite where a bound is unknown. */
export type RenyiCurve = ReadonlyMap<number, number>;

/** The orders that dp-accounting uses by default. */
export const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  ...[128, 256, 512, 1024],
];

/** Below this order the conversion is unstable, and never the best. */
const LEAST_ORDER = 1.01;

/** The Rényi curve of all releases together (composition: Mironov 2017, proposition 1). */
export function renyiCurve(releases: readonly GaussianRelease[], orders: readonly number[] = ORDERS): RenyiCurve {
  releases.forEach(requireRelease);
  return new Map(
    orders.map((order) => {
      const costs = releases.map(({ noise, rate, count }) => count && count * sampledGaussianRdp(noise, rate, order));
      return [order, costs.reduce((sum, cost) => sum + cost, 0)];
    }),
  );
}

/** The sum of curves over the same orders. */
export const composed = (curves: readonly RenyiCurve[]): RenyiCurve =>
  new Map([...(curves[0]?.keys() ?? [])].map((order) => [order, sumAt(curves, order)]));

const sumAt = (curves: readonly RenyiCurve[], order: number): number =>
  curves.reduce((sum, curve) => sum + (curve.get(order) ?? Number.POSITIVE_INFINITY), 0);

/**
 * The smallest ε of a Rényi curve at δ: Canonne, Kamath and Steinke 2020 (arXiv:2004.00010), proposition 12, which is
 * also theorem 21 of Balle et al. 2020. ε = 0 where the total variation alone is within δ (Bretagnolle and Huber).
 *
 * @param delta between 0 and 1, both excluded
 */
export function epsilonOfCurve(curve: RenyiCurve, delta: number): number {
  requireDelta(delta);
  const bounds = [...curve].map(([order, cost]) => {
    if (delta * delta + Math.expm1(-cost) > 0) return 0;
    if (order <= LEAST_ORDER) return Number.POSITIVE_INFINITY;
    return cost + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
  });
  return Math.max(0, Math.min(...bounds));
}

/** The smallest δ of a Rényi curve at ε, by the same propositions. */
export function deltaOfCurve(curve: RenyiCurve, epsilon: number): number {
  const bounds = [...curve].map(([order, cost]) => {
    const variation = 0.5 * Math.log(-Math.expm1(-cost));
    if (order <= LEAST_ORDER) return variation;
    return Math.min(variation, (order - 1) * (cost - epsilon + Math.log1p(-1 / order)) - Math.log(order));
  });
  return Math.exp(Math.min(0, ...bounds));
}

/**
 * ε of releases at δ. Without sub-sampling the exact value, since Gaussian releases compose to one Gaussian release;
 * otherwise by the Rényi curve.
 */
export function epsilonOf(releases: readonly GaussianRelease[], delta: number): number {
  const bound = epsilonOfCurve(renyiCurve(releases), delta);
  if (releases.some(({ rate }) => rate !== 1 && rate !== 0)) return bound;
  const squares = releases.map(({ noise, rate, count }) => (rate * count) / (noise * noise));
  return Math.min(bound, exactEpsilon(Math.sqrt(squares.reduce((sum, square) => sum + square, 0)), delta));
}

/**
 * The smallest ε of a Gaussian release at δ: Balle and Wang 2018 (arXiv:1805.06083), theorem 8, inverted by bisection.
 *
 * @param distance sensitivity divided by the standard deviation
 */
function exactEpsilon(distance: number, delta: number): number {
  if (distance === 0) return 0;
  const deltaAt = (epsilon: number) =>
    Math.exp(logNormalCdf(distance / 2 - epsilon / distance)) -
    Math.exp(epsilon + logNormalCdf(-distance / 2 - epsilon / distance));
  return deltaAt(0) <= delta ? 0 : smallest((epsilon) => deltaAt(epsilon) <= delta, 1e-9);
}

/**
 * The smallest noise, as a multiple of the sensitivity, with which `count` releases keep within (ε, δ). Rounded up by
 * less than one in a million.
 */
export function noiseFor(budget: {
  readonly epsilon: number;
  readonly delta: number;
  readonly count: number;
  readonly rate: number;
}): number {
  const { epsilon, delta, ...release } = budget;
  if (!(epsilon > 0)) throw refusal(`a budget ε must be more than 0, not ${epsilon}`);
  if (!(release.count > 0 && release.rate > 0)) throw refusal('a budget is for one release or more');
  return smallest((noise) => epsilonOf([{ ...release, noise }], delta) <= epsilon, 1e-6);
}

/** The smallest number from which on a condition holds, rounded up by less than `precision`. It must hold for some number. */
function smallest(holds: (value: number) => boolean, precision: number): number {
  let high = 1;
  while (!holds(high)) high *= 2;
  let low = high / 2;
  while (low > Number.MIN_VALUE && holds(low)) [low, high] = [low / 2, low];
  while (high - low > precision * high) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function requireRelease({ noise, rate, count }: GaussianRelease): void {
  if (!(noise > 0)) throw refusal(`noise must be more than 0 times the sensitivity, not ${noise}`);
  if (!(rate >= 0 && rate <= 1)) throw refusal(`a sampling rate is between 0 and 1, not ${rate}`);
  if (!(Number.isInteger(count) && count >= 0)) throw refusal(`a number of releases is whole, not ${count}`);
}

function requireDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw refusal(`δ is between 0 and 1, not ${delta}`);
}

const refusal = (reason: string): FedcardioError => new FedcardioError('BAD_CONFIGURATION', `Privacy: ${reason}.`);

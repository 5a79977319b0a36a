import { logAdd, logErfc, logSubtract } from './log-space.ts';

/** Terms of the series for fractional orders before the order is given up. */
const MAX_TERMS = 1000;
/** Terms below e⁻³⁰ of the sum are left out. */
const NEGLIGIBLE = 30;

/**
 * Rényi differential privacy of the Poisson-subsampled Gaussian mechanism at one order: Mironov, Talwar and Zhang 2019
 * (arXiv:1908.10530), section 3.3. For data sets that differ by one record more or less.
 *
 * @param noise standard deviation of the noise divided by the L2 sensitivity, more than 0
 * @param rate probability with which each record takes part, independently of the others; 1: every record
 * @param order more than 1
 * @returns infinite for a fractional order whose series does not converge
 */
export function sampledGaussianRdp(noise: number, rate: number, order: number): number {
  if (rate === 0) return 0;
  if (rate === 1) return order / (2 * noise * noise);
  const logMoment = Number.isInteger(order) ? wholeOrder(noise, rate, order) : fractionalOrder(noise, rate, order);
  return logMoment / (order - 1);
}

/** log A_α for a whole α: a binomial sum. */
function wholeOrder(noise: number, rate: number, order: number): number {
  let logBinomial = 0;
  let sum = Number.NEGATIVE_INFINITY;
  for (let i = 0; i <= order; i++) {
    const term = logBinomial + i * Math.log(rate) + (order - i) * Math.log1p(-rate);
    sum = logAdd(sum, term + gain(i, noise));
    logBinomial += Math.log((order - i) / (i + 1));
  }
  return sum;
}

/** log A_α for any α: the sum of two series, whose signs alternate from the term α on. */
function fractionalOrder(noise: number, rate: number, order: number): number {
  const middle = noise * noise * Math.log(1 / rate - 1) + 0.5;
  const sums = { positive: Number.NEGATIVE_INFINITY, negative: Number.NEGATIVE_INFINITY };
  const [logRate, logRest] = [Math.log(rate), Math.log1p(-rate)];
  let [logBinomial, isNegative] = [0, false];
  let last = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < MAX_TERMS; i++) {
    const j = order - i;
    const terms = [
      logBinomial + i * logRate + j * logRest + gain(i, noise) + halfErfc((i - middle) / (Math.SQRT2 * noise)),
      logBinomial + j * logRate + i * logRest + gain(j, noise) + halfErfc((middle - j) / (Math.SQRT2 * noise)),
    ] as const;
    const sign = isNegative ? 'negative' : 'positive';
    sums[sign] = logAdd(sums[sign], logAdd(...terms));
    const isFalling = terms.every((term, at) => term < (last[at] as number));
    if (isFalling && Math.max(...terms) < sums.positive - NEGLIGIBLE) return logSubtract(sums.positive, sums.negative);
    last = [...terms];
    logBinomial += Math.log(Math.abs(j) / (i + 1));
    if (j < 0) isNegative = !isNegative;
  }
  return Number.POSITIVE_INFINITY;
}

/** log E[(p₁/p₀)ⁱ] of normals that are one sensitivity apart. */
const gain = (i: number, noise: number): number => (i * i - i) / (2 * noise * noise);

const halfErfc = (x: number): number => logErfc(x) - Math.LN2;

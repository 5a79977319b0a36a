import { pick, type Random } from '../random.ts';
import { quantile } from '../scoring/quantile.ts';

/** How well scores tell members from others. */

export interface Estimate {
  readonly value: number;
  /** 95 % interval. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/**
 * The area under the curve: the chance that a member scores higher than another case, ties counting half. ½ is a guess. The
 * interval is a percentile bootstrap over members and others; it is too narrow for a handful of cases.
 */
export function areaUnderCurve(members: readonly number[], others: readonly number[], random: Random): Estimate {
  const again = (values: readonly number[]) => values.map(() => pick(random, values));
  const draws = Array.from({ length: RESAMPLES }, () => auc(again(members), again(others)));
  return { value: auc(members, others), low: quantile(draws, 0.025) ?? 0, high: quantile(draws, 0.975) ?? 1 };
}

function auc(members: readonly number[], others: readonly number[]): number {
  const wins = members.reduce(
    (sum, member) => sum + others.reduce((own, other) => own + (member > other ? 1 : member === other ? 0.5 : 0), 0),
    0,
  );
  return wins / (members.length * others.length);
}

export interface RateAtRate extends Estimate {
  /** Others that the attack may take for members; with fewer than 1 / rate others it is 0. */
  readonly falsePositives: number;
}

/**
 * The share of members that an attack finds while it takes at most a share `rate` of the others for members, with the exact
 * interval of Clopper and Pearson (1934). The threshold is that of these very cases.
 */
export function truePositiveRate(members: readonly number[], others: readonly number[], rate: number): RateAtRate {
  const falsePositives = Math.floor(rate * others.length);
  const threshold = [...others].sort((a, b) => b - a)[falsePositives] ?? Number.NEGATIVE_INFINITY;
  const found = members.filter((score) => score > threshold).length;
  return { value: found / members.length, ...clopperPearson(found, members.length), falsePositives };
}

/** 95 % interval of a share of `n`, of which `k` were found. */
export function clopperPearson(k: number, n: number): Pick<Estimate, 'low' | 'high'> {
  const low = k === 0 ? 0 : solve((p) => 1 - binomialCdf(k - 1, n, p) - 0.025);
  const high = k === n ? 1 : solve((p) => 0.025 - binomialCdf(k, n, p));
  return { low, high };
}

/** Chance of at most `k` of `n` with chance `p` each. */
function binomialCdf(k: number, n: number, p: number): number {
  if (p <= 0) return 1;
  if (p >= 1) return k >= n ? 1 : 0;
  let logChoose = 0;
  let sum = 0;
  for (let i = 0; i <= k; i++) {
    if (i > 0) logChoose += Math.log((n - i + 1) / i);
    sum += Math.exp(logChoose + i * Math.log(p) + (n - i) * Math.log1p(-p));
  }
  return Math.min(1, sum);
}

/** Where an increasing function of a share is 0. */
function solve(f: (p: number) => number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

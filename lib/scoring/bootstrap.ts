import { pick, type Random } from '../random.ts';
import { mean, quantile } from './quantile.ts';
import { type Interval, meanInterval } from './t-interval.ts';

/** One hospital's values of a figure: lists of one value per case, or per point. Null for a value without a figure. */
export type SiteLists = readonly (readonly (number | null)[])[];

/** A figure of every seed, and what all seeds say about it. */
export interface SeedEstimate {
  /** Mean over the seeds; null if no seed has the figure. */
  readonly value: number | null;
  /** The sample size: the seeds that have the figure. All sites and cases of a seed share its models. */
  readonly seeds: number;
  /** 95 % interval of the mean by Student's t over the seeds' figures; null below two seeds. */
  readonly byT: Interval | null;
  /** 95 % interval by the hierarchical bootstrap; null if no seed has the figure. */
  readonly byBootstrap: Interval | null;
}

const RESAMPLES = 2000;

/**
 * Estimates a figure from several seeds. Each resample of the hierarchical bootstrap draws seeds with replacement, then
 * hospitals within each drawn seed, then cases within each drawn hospital, as multi-stage samples are drawn (Davison and
 * Hinkley 1997, section 3.8). The lower stages make the interval somewhat too wide; a percentile interval of few seeds
 * alone is too narrow, which is why the interval by t stands beside it.
 *
 * Differences of two models on one case are one list: they stay paired. Several lists of one hospital are drawn
 * independently, because sites send them sorted.
 *
 * @param seeds the hospitals of every seed; all with the same number of lists
 * @param statistic of the lists of one seed, pooled over its hospitals; null if undefined, such as a mean of no values
 * @param random seeded, so that the interval is reproducible
 */
export function estimateOverSeeds(
  seeds: readonly (readonly SiteLists[])[],
  statistic: (lists: SiteLists) => number | null,
  random: Random,
): SeedEstimate {
  // A hospital without values, such as one outside the group in question, is not drawn.
  const drawable = seeds
    .map((sites) => sites.filter((lists) => lists.some((list) => list.length > 0)))
    .map((sites) => ({ sites, figure: statistic(pooled(sites)) }))
    .filter(({ figure }) => figure !== null);
  const figures = drawable.map(({ figure }) => figure as number);
  const draws = Array.from({ length: drawable.length > 0 ? RESAMPLES : 0 }, () =>
    mean(
      drawable.map(() => statistic(drawn(pick(random, drawable).sites, random))).filter((figure) => figure !== null),
    ),
  ).filter((draw) => draw !== null);
  const [low, high] = [quantile(draws, 0.025), quantile(draws, 0.975)];
  return {
    value: mean(figures),
    seeds: figures.length,
    byT: meanInterval(figures),
    byBootstrap: low === null || high === null ? null : { low, high },
  };
}

/** Hospitals with replacement, and of each as many cases with replacement, pooled. */
function drawn(sites: readonly SiteLists[], random: Random): SiteLists {
  const lists = (sites[0] ?? []).map((): (number | null)[] => []);
  for (let n = 0; n < sites.length; n += 1) {
    for (const [index, values] of pick(random, sites).entries()) {
      for (let i = 0; i < values.length; i += 1) lists[index]?.push(pick(random, values));
    }
  }
  return lists;
}

const pooled = (sites: readonly SiteLists[]): SiteLists =>
  (sites[0] ?? []).map((_, index) => sites.flatMap((lists) => lists[index] ?? []));

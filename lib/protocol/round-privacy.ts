import type { Campaign, Commit, CommitPrivacy, Open, RoundPrivacy, Seal, Stage } from '../federation/schemas.ts';
import { epsilonOf, type GaussianRelease } from '../privacy/accountant.ts';
import { trains } from './plan.ts';
import { differentialPrivacyOf, noiseTerms, type PlannedDifferentialPrivacy, rounded } from './planned-privacy.ts';

/**
 * The privacy terms of a round; undefined without differential privacy, and for a round that publishes no weights. A pure
 * function of the plan and the commit before, so that sites and verifiers find the same.
 */
export function roundPrivacy(
  campaign: Pick<Campaign, 'privacy'>,
  stage: Stage,
  round: number,
  previous: Pick<Commit, 'privacy'> | undefined,
): RoundPrivacy | undefined {
  const terms = differentialPrivacyOf(campaign);
  if (!terms || !trains(stage, round)) return undefined;
  const sites = Object.hasOwn(terms.sites, stage.name) ? (terms.sites[stage.name] as number) : 1;
  const clip = previous?.privacy?.nextClip ?? terms.clip;
  return { noise: terms.noise, clip, sites, ...noiseTerms(terms, sites) };
}

/** What a round costs, for a site's ledger; undefined without differential privacy, and for a round that publishes no weights. */
export function releaseOf(
  campaign: Pick<Campaign, 'privacy'>,
  stage: Stage,
  round: number,
): GaussianRelease | undefined {
  const terms = differentialPrivacyOf(campaign);
  return terms && trains(stage, round) ? { noise: terms.noiseMultiplier, rate: 1, count: 1 } : undefined;
}

/** ε of a number of rounds of a campaign, at its δ. */
export const epsilonOfRounds = ({ noiseMultiplier, delta }: PlannedDifferentialPrivacy, rounds: number): number =>
  epsilonOf([{ noise: noiseMultiplier, rate: 1, count: rounds }], delta);

/** What a round's commit says of its privacy. */
export function commitPrivacy(
  { privacy, round }: Pick<Open, 'privacy' | 'round'>,
  terms: PlannedDifferentialPrivacy,
  { seed, nextClip }: Pick<CommitPrivacy, 'seed' | 'nextClip'>,
): CommitPrivacy {
  const { clip, noiseMultiplier } = privacy as RoundPrivacy;
  const { unit, delta } = terms;
  const epsilon = rounded(epsilonOfRounds(terms, round));
  return {
    unit,
    clip,
    noiseMultiplier,
    epsilon,
    delta,
    ...(seed !== undefined && { seed }),
    ...(nextClip && { nextClip }),
  };
}

/** The votes of a round's updates for a larger or a smaller clip: see `clipVote`. */
export const votesOf = (updates: Seal['updates']): number =>
  updates.reduce((sum, { clipped }) => sum + (clipped ? -0.5 : 0.5), 0);

import type { Campaign, CohortDocument, Open, Quorum, Stage } from '../../federation/schemas.ts';
import { noisyFixedPoint } from '../../privacy/distributed-noise.ts';
import { MAX_SHARES } from '../../privacy/secret-shares.ts';
import { leastThreshold } from '../../privacy/secure-round.ts';
import { type LearningStage, learns } from '../plan.ts';
import { roundPrivacy } from '../round-privacy.ts';
import { FEWEST_SITES } from './plan-faults.ts';

/** What a campaign says about secure aggregation. */
export type SecureTerms = NonNullable<NonNullable<Campaign['privacy']>['secureAggregation']>;

/** The terms of a stage whose updates are added up masked; undefined for any other stage. */
export const secureTermsOf = (campaign: Pick<Campaign, 'privacy'>, stage: Stage): SecureTerms | undefined =>
  learns(stage) ? campaign.privacy?.secureAggregation : undefined;

/** Sites that must answer in every phase of a round: two thirds of all, if the campaign does not say. */
export const thresholdOf = ({ threshold }: Pick<SecureTerms, 'threshold'>, sites: number): number =>
  threshold ?? Math.max(FEWEST_SITES, Math.ceil((2 * sites) / 3));

/** Why so many sites are no cohort; undefined if they are. */
export function impossibilityOf(
  { stage, terms }: { readonly stage: LearningStage; readonly terms: SecureTerms },
  sites: number,
): string | undefined {
  const threshold = thresholdOf(terms, sites);
  const needed = Math.max(FEWEST_SITES, stage.quorum.minSites, threshold);
  if (sites < needed) return `secure aggregation needs ${needed}`;
  if (sites > MAX_SHARES) return `secure aggregation takes at most ${MAX_SHARES}`;
  const least = leastThreshold(sites, 0);
  return threshold < least ? `a threshold of ${threshold} is not more than half of them` : undefined;
}

/**
 * How the updates of a cohort become whole numbers, by the plan. With noise, the clip is the range, and every update weighs the
 * same.
 */
export function fixedPointOf(
  campaign: Pick<Campaign, 'privacy'>,
  stage: LearningStage,
  { threshold, members }: Pick<CohortDocument, 'members'> & { readonly threshold: number },
): CohortDocument['terms'] {
  const sites = members.length;
  const totalWeight = members.reduce((sum, { samples }) => sum + samples, 0);
  const privacy = roundPrivacy(campaign, stage, 1, undefined);
  if (privacy) return { headroom: 0, ...noisyFixedPoint(privacy, { sites, threshold }) };
  const { range } = secureTermsOf(campaign, stage) as SecureTerms;
  return { range, totalWeight, sites, headroom: 0 };
}

/** The fewest updates that close a round, as its stage says and as masks allow. */
export const quorumOf = ({ config, secure }: Pick<Open, 'config' | 'secure'>): Quorum =>
  secure ? { ...config.quorum, minSites: Math.max(config.quorum.minSites, secure.threshold) } : config.quorum;

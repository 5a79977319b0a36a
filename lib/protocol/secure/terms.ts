import type { Campaign, Open, Quorum, Stage } from '../../federation/schemas.ts';
import { leastThreshold } from '../../privacy/secure-round.ts';
import { type LearningStage, learns } from '../plan.ts';
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
  const least = leastThreshold(sites, 0);
  return threshold < least ? `a threshold of ${threshold} is not more than half of them` : undefined;
}

/** The fewest updates that close a round, as its stage says and as masks allow. */
export const quorumOf = ({ config, secure }: Pick<Open, 'config' | 'secure'>): Quorum =>
  secure ? { ...config.quorum, minSites: Math.max(config.quorum.minSites, secure.threshold) } : config.quorum;

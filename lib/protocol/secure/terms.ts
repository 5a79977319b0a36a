import type { Campaign, Open, Quorum, Stage } from '../../federation/schemas.ts';
import { learns } from '../plan.ts';
import { FEWEST_SITES } from './plan-faults.ts';

/** What a campaign says about secure aggregation. */
export type SecureTerms = NonNullable<NonNullable<Campaign['privacy']>['secureAggregation']>;

/** The terms of a stage whose updates are added up masked; undefined for any other stage. */
export const secureTermsOf = (campaign: Pick<Campaign, 'privacy'>, stage: Stage): SecureTerms | undefined =>
  learns(stage) ? campaign.privacy?.secureAggregation : undefined;

/** Sites that must answer in every phase of a round: two thirds of all, if the campaign does not say. */
export const thresholdOf = ({ threshold }: Pick<SecureTerms, 'threshold'>, sites: number): number =>
  threshold ?? Math.max(FEWEST_SITES, Math.ceil((2 * sites) / 3));

/** The fewest updates that close a round, as its stage says and as masks allow. */
export const quorumOf = ({ config, secure }: Pick<Open, 'config' | 'secure'>): Quorum =>
  secure ? { ...config.quorum, minSites: Math.max(config.quorum.minSites, secure.threshold) } : config.quorum;

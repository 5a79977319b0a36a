import type { Campaign } from '../../lib/federation/schemas.ts';
import type { Scenario } from '../demo/scenario.ts';
import { algorithmsCampaign } from './algorithms-campaign.ts';
import { type ExperimentProfile, experimentCampaign } from './experiment-campaign.ts';

export type Profile = ExperimentProfile | 'algorithms';

/** The campaign of an experiment: the paper's comparison in two sizes, or a comparison of federated algorithms. */
export const campaignOf = (scenario: Scenario, profile: Profile): Campaign =>
  profile === 'algorithms' ? algorithmsCampaign(scenario) : experimentCampaign(scenario, profile);

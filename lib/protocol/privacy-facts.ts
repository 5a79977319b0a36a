import type { Campaign } from '../federation/schemas.ts';
import type { PrivacyFacts } from '../report/privacy-text.ts';
import { trains } from './plan.ts';
import { differentialPrivacyOf, releasesOf } from './planned-privacy.ts';
import { epsilonOfRounds } from './round-privacy.ts';
import type { StageState } from './state.ts';

/** What a campaign's differential privacy is, and what its committed rounds have spent; undefined without it. */
export function privacyFacts(campaign: Campaign, stages: readonly StageState[]): PrivacyFacts | undefined {
  const terms = differentialPrivacyOf(campaign);
  if (!terms) return undefined;
  const rounds = stages.reduce((sum, { stage, rounds }) => {
    return sum + rounds.filter(({ at, phase }) => phase === 'committed' && trains(stage, at.round)).length;
  }, 0);
  const { unit, noise, clip, adaptive, noiseMultiplier, epsilon, delta } = terms;
  return {
    ...{ unit, noise, clip, noiseMultiplier, epsilon, delta },
    adaptive: adaptive !== undefined,
    spent: epsilonOfRounds(terms, rounds),
    rounds,
    plannedRounds: releasesOf(campaign),
  };
}

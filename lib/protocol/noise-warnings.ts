import type { Plan } from '../federation/schemas.ts';
import { significant } from '../report/format.ts';
import { elementsOf } from '../weights/weights.ts';
import { sentLayout } from './network-layout.ts';
import { learns, modelOf, tasksOf } from './plan.ts';
import { differentialPrivacyOf } from './planned-privacy.ts';

/** From here on, models are worse than before training: docs/results/privacy. */
const TOO_NOISY = 3;

/**
 * Stages whose noise buries what they learn: a mean update is at most as large as the clip, and its noise is z · √values times
 * the clip, over the planned number of sites, or over its root if every site adds all of it.
 */
export function noiseWarnings(plan: Plan): readonly string[] {
  const terms = differentialPrivacyOf(plan.campaign);
  if (!terms) return [];
  return plan.campaign.stages.filter(learns).flatMap((stage) => {
    const layout = sentLayout(modelOf(plan.campaign, stage), stage, tasksOf(plan, stage));
    const values = [...layout.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0);
    const sites = terms.sites[stage.name] ?? 1;
    const spread = terms.noise === 'local' ? Math.sqrt(sites) : sites;
    const ratio = (terms.noiseMultiplier * Math.sqrt(values)) / spread;
    if (ratio < TOO_NOISY) return [];
    return [
      `${stage.name}: its noise is ${significant(ratio)} times as large as its largest mean update (ε ${significant(terms.epsilon)}, ${values} values, ${sites} sites): it will hardly learn. Train fewer values with a probe, ask more sites or for fewer rounds, or allow a larger ε.`,
    ];
  });
}

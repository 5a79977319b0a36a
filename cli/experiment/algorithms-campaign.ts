import { type Campaign, campaignSchema, type TrainingConfig } from '../../lib/federation/schemas.ts';
import { type ALGORITHMS, BASELINE } from '../../lib/report/experiment/algorithms.ts';
import { MODELS } from '../../lib/report/experiment/compared-models.ts';
import type { Scenario } from '../demo/scenario.ts';
import { experimentCampaign } from './experiment-campaign.ts';

/** What an algorithm changes in a site's training. Strengths are round numbers, which were not tuned. */
const CHANGES: Readonly<Record<keyof typeof ALGORITHMS, Partial<TrainingConfig>>> = {
  fedavg: {},
  fedprox: { proximal: 0.01 },
  fedbn: { localParameters: ['*norm*'] },
  scaffold: { algorithm: { name: 'scaffold' } },
  fedper: { algorithm: { name: 'fedper' } },
  ditto: { algorithm: { name: 'ditto', lambda: 10 } },
};

/**
 * The `small` experiment's teacher of the hinge points, trained by each algorithm with the same rounds, steps, seed and
 * learning rate, and scored at all sites.
 */
export function algorithmsCampaign(scenario: Scenario): Campaign {
  const small = experimentCampaign(scenario, 'small');
  const teacher = small.stages.find(({ name }) => name === MODELS.teacher('hinge-points'));
  if (teacher?.kind !== 'teacher') throw new Error('The experiment has no teacher of the hinge points.');
  const stages = Object.entries(CHANGES).map(([name, change]) => ({
    ...teacher,
    name,
    training: { ...teacher.training, ...change },
  }));
  const names = stages.map(({ name }) => name);
  return campaignSchema.parse({
    ...small,
    id: `experiment-algorithms-${scenario.seed}`,
    stages: [
      ...stages,
      {
        kind: 'evaluate',
        name: 'evaluate',
        models: Object.fromEntries(names.map((name) => [name, name])),
        compare: names.filter((name) => name !== BASELINE).map((name) => [name, BASELINE]),
      },
    ],
  });
}

import { expect, test } from 'vitest';
import { campaignSchema, type Plan, type Score } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { comparedModels } from '../../lib/report/compared.ts';
import type { CampaignRecord } from './collect.ts';
import { reportOf } from './report-of.ts';

const training = { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2 };
const model = { kind: 'unet', features: [4, 8] };
const teacher = (name: string, task: string) => ({ kind: 'teacher', name, task, rounds: 1, model, training });
const campaign = campaignSchema.parse({
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  stages: [
    teacher('hinges', 'hinge-points'),
    teacher('calcium', 'calcification'),
    {
      kind: 'evaluate',
      name: 'evaluate',
      models: { hinges: 'hinges', calcium: 'calcium' },
      thresholds: [{ name: 'threshold', points: 'hinges' }],
    },
  ],
});
const plan: Plan = {
  schema: 'fedcardio.plan/1',
  campaign,
  tasks: [...DEFAULT_TASKS],
  source: '0'.repeat(64),
  at: '2026-01-01T00:00:00.000Z',
};
const scores: readonly Score[] = [
  { model: 'calcium', task: 'calcification', dice: [0.4] },
  { model: 'threshold', task: 'calcification', dice: [0.7] },
];
const record = {
  plan,
  scores: new Map([['ulm', scores]]),
  sites: [],
  rejected: [],
  unreadSites: [],
  stages: [],
  backends: ['native'],
} as unknown as CampaignRecord;

test('a threshold is reported beside the models, by its evaluation', () => {
  const facts = {
    seed: 1,
    wallSeconds: 1,
    peakRssMB: 1,
    peakRssOf: 'largest task',
    timeline: [],
    createdAt: plan.at,
  } as const;

  const report = reportOf('aortic', { status: 'completed' }, record, facts);

  expect(report.models.find(({ name }) => name === 'threshold')).toMatchObject({
    stage: 'evaluate',
    metrics: { calcification: { dice: 0.7 } },
    bySite: { ulm: { calcification: { dice: 0.7 } } },
  });
  expect(comparedModels(report).map(({ title }) => title)).toContain('threshold');
});

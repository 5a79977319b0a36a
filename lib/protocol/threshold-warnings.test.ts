import { expect, test } from 'vitest';
import { campaignSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { checkCampaign } from './check-campaign.ts';

const checked = (points: string) => {
  const stages = [
    { ...TEACHER_STAGE, name: 'hinges', task: 'hinge-points' },
    { ...TEACHER_STAGE, name: 'second', task: 'hinge-points' },
    { ...TEACHER_STAGE, name: 'calcium', task: 'calcification' },
    {
      kind: 'evaluate',
      name: 'scores',
      models: { hinges: 'hinges', both: ['hinges', 'second'], calcium: 'calcium' },
      thresholds: [{ name: 'threshold', points }],
    },
  ];
  const campaign = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages });
  return checkCampaign(campaign, { tasks: DEFAULT_TASKS }, new Date(0)).findings.filter(({ text }) =>
    text.includes('threshold'),
  );
};

test('a threshold whose points come from a model without hinge points is warned of', () => {
  expect(checked('hinges')).toEqual([]);
  expect(checked('both')).toEqual([]);
  expect(checked('calcium')).toEqual([
    {
      level: 'warning',
      text: 'scores: threshold "threshold" will find nothing, because no task of "calcium" has hinge-right, hinge-left, hinge-non-coronary.',
    },
  ]);
});

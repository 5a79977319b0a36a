import { expect, test } from 'vitest';
import { campaignSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { checkCampaign } from './check-campaign.ts';

const campaignOf = (filter: object) => {
  const stages = [
    { ...TEACHER_STAGE, name: 'hinges', task: 'hinge-points' },
    { ...TEACHER_STAGE, name: 'second', task: 'hinge-points' },
    { ...TEACHER_STAGE, name: 'calcium', task: 'calcification' },
    { kind: 'pseudo-label', name: 'labels', teachers: [['hinges', 'second'], 'calcium'], filter },
  ];
  return campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages });
};
const warned = (filter: object) =>
  checkCampaign(campaignOf(filter), { tasks: DEFAULT_TASKS }, new Date(0)).findings.filter(({ text }) =>
    text.includes('minConfidence'),
  );

test('a confidence that every mask of a task has is warned of', () => {
  const text = (least: number, tasks: string) => ({
    level: 'warning',
    text: `labels: filter.minConfidence ${least} refuses no mask of ${tasks}: every voxel of one is more confident. Leave it out for the default, or set it to 0 to let every confidence pass.`,
  });

  expect(warned({ minConfidence: 0.5 })).toEqual([text(0.5, 'calcification')]);
  expect(warned({ minConfidence: 0.1 })).toEqual([text(0.1, 'hinge-points, calcification')]);
});

test.each([{}, { minConfidence: 0.51 }, { minConfidence: 0 }])('%j is not warned of', (filter) => {
  expect(warned(filter)).toEqual([]);
});

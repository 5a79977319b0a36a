import { expect, test } from 'vitest';
import { campaignSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { checkCampaign } from './check-campaign.ts';

const warned = (secondsBudget: number | undefined) => {
  const { training, ...stage } = TEACHER_STAGE;
  const stages = [{ ...stage, training: { ...training, secondsBudget }, quorum: { deadlineSeconds: 3600 } }];
  const campaign = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages });
  return checkCampaign(campaign, { tasks: DEFAULT_TASKS }, new Date(0)).findings.map(({ text }) => text);
};

test('warns of a site that may train for longer than its round lasts', () => {
  expect(warned(undefined)).toEqual([]);
  expect(warned(1800)).toEqual([]);
  expect(warned(3600)).toEqual([
    expect.stringContaining('may train for 3600 s (secondsBudget), but a round closes after 3600 s'),
  ]);
});

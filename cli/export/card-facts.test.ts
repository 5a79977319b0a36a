import { expect, test } from 'vitest';
import { campaignSchema, type Score } from '../../lib/federation/schemas.ts';
import { TASKS } from '../../lib/federation/tasks.ts';
import type { TrainedModel } from '../../lib/models/package.ts';
import type { CampaignRecord } from '../report/collect.ts';
import { cardFacts } from './card-facts.ts';

const task = TASKS.calcification;
const evaluation = (name: string, model: string, more: object = {}) => ({
  ...{ kind: 'evaluate', name, models: { [model]: 'student' } },
  ...more,
});
const teacher = { kind: 'teacher', name: 'student', task: task.id, rounds: 1 };
const learnt = { model: { kind: 'unet', features: [4, 8] }, training: { steps: 1, learningRate: 1e-3 } };

/** The scores on the card of a model with these evaluations. */
function scoresOnCard(evaluations: readonly object[], scores: readonly Score[]) {
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'c',
    validation: { share: 0.5 },
    stages: [{ ...teacher, ...learnt }, ...evaluations],
  });
  const record = { plan: { campaign }, stages: [], scores: new Map([['ulm', scores]]) } as unknown as CampaignRecord;
  const model = { origin: { campaign: 'c', stage: 'student', round: 1 }, tasks: [task] } as unknown as TrainedModel;
  return cardFacts(record, model, undefined, undefined).scores;
}

const scored = (model: string, dice: number): Score => ({ model, task: task.id, dice: [dice] });

test('a card has the scores of held-out cases, whatever validation calls the model', () => {
  const evaluations = [evaluation('trial', 'candidate', { cases: 'validation' }), evaluation('final', 'model')];

  const scores = scoresOnCard(evaluations, [scored('model', 0.8)]);

  expect(scores).toMatchObject([{ task: task.id, sites: 1, n: 1, main: { value: 0.8 } }]);
});

test('a model that is evaluated twice has the scores of its first evaluation, and no case twice', () => {
  const evaluations = [evaluation('a', 'model', { overlap: 0.5 }), evaluation('b', 'smooth', { overlap: 0.75 })];

  const scores = scoresOnCard(evaluations, [scored('smooth', 0.9), scored('model', 0.8)]);

  expect(scores).toMatchObject([{ n: 1, main: { value: 0.8 } }]);
});

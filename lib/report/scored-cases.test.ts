import { expect, test } from 'vitest';
import type { Stage } from '../federation/schemas.ts';
import { stageSchema } from '../federation/stages/kinds.ts';
import { reportedEvaluations, reportedScores, scoredCases } from './scored-cases.ts';
import { rolesOf } from './scores-by-role.ts';

const training = { steps: 1, learningRate: 1e-3 };
const evaluation = (name: string, cases?: 'held-out' | 'validation', models = { student: 'student' }): Stage =>
  stageSchema.parse({ kind: 'evaluate', name, models, ...(cases && { cases }) });
const student = (name: string): Stage =>
  stageSchema.parse({
    kind: 'student',
    name,
    tasks: ['calcification'],
    rounds: 1,
    training,
    model: { kind: 'unet', features: [4, 8] },
  });

test.each([
  [[evaluation('a'), evaluation('b', 'validation')], ['a'], 'held-out'],
  [[evaluation('b', 'validation'), evaluation('a', 'held-out')], ['a'], 'held-out'],
  [[evaluation('b', 'validation')], ['b'], 'validation'],
  [[], [], 'held-out'],
] as const)('results are of held-out cases where there are any: %#', (stages, names, cases) => {
  expect(reportedEvaluations(stages).map(({ name }) => name)).toEqual(names);
  expect(scoredCases(stages)).toBe(cases);
});

test('a model that only validation cases score has no role beside one that held-out cases score', () => {
  const trials = evaluation('trials', 'validation', { student: 'trial' });

  const roles = rolesOf([
    student('trial'),
    student('student'),
    trials,
    evaluation('a', undefined, { final: 'student' } as never),
  ]);

  expect([...roles]).toEqual([['final', 'studentLabelsOnly']]);
});

test('models that two evaluations name alike, as plans of earlier releases may, are told apart', () => {
  const stages = [evaluation('a', undefined, { student: 'one' }), evaluation('b', undefined, { student: 'two' })];
  const scoresOf = reportedScores(stages);

  expect(reportedEvaluations(stages).map(({ models }) => models)).toEqual([
    { 'student (a)': 'one' },
    { 'student (b)': 'two' },
  ]);
  expect(scoresOf({ stage: 'b', scores: [{ model: 'student', task: 'calcification', dice: [1] }] })).toEqual([
    { model: 'student (b)', task: 'calcification', dice: [1] },
  ]);
});

import { describe, expect, test } from 'vitest';
import { campaignSchema, type Score } from '../federation/schemas.ts';
import { landmarksByRole, modelMetrics, rolesOf, scoresByRole } from './scores-by-role.ts';

const training = { steps: 1, learningRate: 1e-3 };
const unet = { kind: 'unet' as const, features: [8, 16] };
const { stages } = campaignSchema.parse({
  schema: 'fedcardio.campaign/1',
  id: 'c',
  stages: [
    { kind: 'teacher', name: 'teacher/hinge-points', task: 'hinge-points', rounds: 1, model: unet, training },
    { kind: 'pseudo-label', name: 'pseudo', teachers: ['teacher/hinge-points'] },
    {
      kind: 'student',
      name: 'with',
      tasks: ['hinge-points'],
      pseudoLabels: 'pseudo',
      rounds: 1,
      model: unet,
      training,
    },
    { kind: 'student', name: 'without', tasks: ['hinge-points'], rounds: 1, model: unet, training },
    { kind: 'evaluate', name: 'evaluate', models: { t: 'teacher/hinge-points', s: 'with', control: 'without' } },
  ],
});

const score = (model: string, errors: (number | null)[], task: Score['task'] = 'hinge-points'): Score => ({
  model,
  task,
  errors: { 'hinge-right': errors },
});

describe('scoresByRole', () => {
  test('identifies models by their stages, not by their names', () => {
    const scores = scoresByRole(stages, [score('t', [1]), score('s', [2]), score('control', [3]), score('other', [4])]);
    expect(modelMetrics(scores)).toMatchObject({
      teacher: { 'hinge-points': { median: 1, n: 1 } },
      student: { 'hinge-points': { median: 2, n: 1 } },
      studentLabelsOnly: { 'hinge-points': { median: 3, n: 1 } },
    });
  });

  test('compares no role that several models have for one task', () => {
    const twice = stages.map((stage) =>
      stage.kind === 'evaluate' ? { ...stage, models: { ...stage.models, again: 'with' } } : stage,
    );

    expect([...rolesOf(stages)]).toEqual([
      ['t', 'teacher'],
      ['s', 'student'],
      ['control', 'studentLabelsOnly'],
    ]);
    expect([...rolesOf(twice).keys()]).toEqual(['t', 'control']);
    expect(scoresByRole(twice, [score('s', [2]), score('again', [1])]).student).toEqual([]);
  });

  test("uses a teacher's scores for its own task only", () => {
    expect(scoresByRole(stages, [score('t', [1], 'membranous-septum')]).teacher).toEqual([]);
  });
});

test('pools landmarks of the models that have scores', () => {
  const scores = scoresByRole(stages, [score('s', [2, null]), score('s', [9], 'membranous-septum')]);
  expect(landmarksByRole(scores)).toEqual({
    student: { kind: 'landmarks', n: 3, missing: 1, median: 5.5, p90: expect.closeTo(8.3, 9), within6mm: 1 / 3 },
  });
});

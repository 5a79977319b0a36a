import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { stageName } from '../schemas/common.ts';
import { campaignSchema } from '../schemas.ts';
import { TEACHER_STAGE } from '../testing.ts';
import { evaluate } from './evaluate.ts';
import { stageBase } from './fields.ts';
import { defineStageKind } from './kind.ts';
import { kindOf, STAGE_KINDS, type Stage } from './kinds.ts';
import { referencesIn } from './references.ts';

/** One stage of each kind, in which every field that can name a stage does. */
const { rounds, training, model } = TEACHER_STAGE;
const STAGES: Readonly<Record<Stage['kind'], object>> = {
  teacher: { task: 'hinge-points', rounds, training, model },
  'pseudo-label': { teachers: ['a', ['b', 'c']] },
  student: { tasks: ['hinge-points'], pseudoLabels: 'a', rounds, training, model },
  probe: { of: 'a', task: 'hinge-points', rounds, training },
  evaluate: { models: { first: 'a', second: ['b', 'c'] } },
};
const REFERENCES: Readonly<Record<Stage['kind'], object>> = {
  teacher: {},
  'pseudo-label': { teachers: ['a', 'b', 'c'] },
  student: { pseudoLabels: ['a'] },
  probe: { of: ['a'] },
  evaluate: { models: ['a', 'b', 'c'] },
};

describe('kinds of stages', () => {
  test('have distinct names', () => {
    const names = STAGE_KINDS.map(({ schema }) => schema.shape.kind.value);

    expect(new Set(names).size).toBe(names.length);
  });

  test.each(Object.keys(STAGES) as Stage['kind'][])('wait for every stage that they name: %s', (kind) => {
    const { schema } = STAGE_KINDS.find((candidate) => candidate.schema.shape.kind.value === kind) as {
      schema: z.ZodType;
    };
    const stage = schema.parse({ kind, name: 'own', after: ['before'], ...STAGES[kind] }) as Stage;

    expect(kindOf(stage).references(stage)).toEqual({ after: ['before'], ...REFERENCES[kind] });
  });

  test('are described field by field, for docs/reference/campaign.md', () => {
    const missing = STAGE_KINDS.flatMap(({ schema }) =>
      Object.entries(schema.shape)
        .filter(([field, type]) => field !== 'kind' && (type as z.ZodType).description === undefined)
        .map(([field]) => `${schema.shape.kind.value}.${field}`),
    );

    expect(missing).toEqual([]);
  });
});

describe('weights of single heads', () => {
  const faultsOf = (kind: Stage['kind'], heads: object) => {
    const { schema } = STAGE_KINDS.find((candidate) => candidate.schema.shape.kind.value === kind) as {
      schema: z.ZodType;
    };
    const stage = schema.parse({ kind, name: 'own', ...STAGES[kind], training: { ...training, heads } }) as Stage;
    const earlier = new Map(
      ['a'].map((name) => [name, { tasks: ['hinge-points'], body: 'shared' as const, pseudoLabels: 'hard' as const }]),
    );
    return kindOf(stage).faults(stage, earlier);
  };

  test.each(['teacher', 'student', 'probe'] as const)('are refused for tasks that a %s does not learn', (kind) => {
    const weights = { weight: 2 };

    expect(faultsOf(kind, { 'hinge-points': weights })).toEqual([]);
    expect(faultsOf(kind, { 'hinge-points': weights, calcification: weights })).toEqual([
      ['training', 'heads: the stage does not learn "calcification", but hinge-points'],
    ]);
  });

  test('must be positive, and nothing else', () => {
    for (const heads of [{ 'hinge-points': { weight: 0 } }, { 'hinge-points': { foregroundWeight: -1 } }]) {
      expect(() => faultsOf('teacher', heads)).toThrow();
    }
    expect(() => faultsOf('teacher', { 'hinge-points': { rate: 1 } })).toThrow();
  });
});

describe('a kind that was made up for this test', () => {
  const schema = z.strictObject({
    kind: z.literal('distil'),
    ...stageBase,
    from: stageName.describe('A name with a description.'),
    best: stageName.nullable().default(null),
    groups: z.record(z.string(), z.array(z.strictObject({ stage: stageName.optional(), weight: z.number() }))),
    pair: z.tuple([z.string(), stageName]).optional(),
    start: z.union([stageName, z.strictObject({ stage: stageName })]),
    other: z.string(),
  });
  const kind = defineStageKind(schema, {
    tasks: () => [],
    samples: () => 1,
    need: () => 'anything',
    output: () => ({ tasks: [], body: 'none', pseudoLabels: 'none' }),
    faults: () => [],
  });
  const stage = schema.parse({
    kind: 'distil',
    name: 'own',
    after: ['z'],
    from: 'a',
    best: 'b',
    groups: { x: [{ stage: 'c', weight: 1 }, { weight: 2 }], y: [{ stage: 'd', weight: 1 }] },
    pair: ['no-stage', 'e'],
    start: { stage: 'f' },
    other: 'no-stage',
  });

  test('waits for the stages of every field, however deep, without listing them', () => {
    expect(kind.references(stage)).toEqual({
      after: ['z'],
      from: ['a'],
      best: ['b'],
      groups: ['c', 'd'],
      pair: ['e'],
      start: ['f'],
    });
  });

  test('is refused when its schema has a type in which a name could hide', () => {
    const lazy = z.strictObject({ kind: z.literal('lazy'), name: stageName, of: z.lazy(() => stageName) });

    expect(() => referencesIn(lazy)).toThrow(/lazy/);
  });
});

test('a campaign may name a stage of any name, also one that every object has', () => {
  const named = (name: string, models: object) =>
    campaignSchema.safeParse({
      schema: 'fedcardio.campaign/1',
      id: 'c',
      stages: [
        { kind: 'teacher', name, task: 'hinge-points', rounds, training, model },
        { kind: 'evaluate', name: 'scores', models, predictions: 'constructor' },
      ],
    });

  expect(named('constructor', { constructor: 'constructor' }).success).toBe(true);
  expect(named('constructor', { a: 'constructor' }).error?.issues.map(({ message }) => message)).toEqual([
    '"constructor" is not a model of this stage',
  ]);
});

describe('a campaign is refused when a stage names a stage of the wrong kind', () => {
  const learner = { kind: 'teacher', name: 'teacher', task: 'hinge-points', rounds, training, model };
  const labels = { kind: 'pseudo-label', name: 'labels', teachers: ['teacher'] };
  const scores = { kind: 'evaluate', name: 'scores', models: { a: 'teacher' } };
  const faultsOf = (...stages: readonly object[]) => {
    const { error } = campaignSchema.safeParse({ schema: 'fedcardio.campaign/1', id: 'c', stages });
    return error?.issues.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`) ?? [];
  };

  test.each([
    [
      'pseudo-labels of an evaluation',
      [learner, scores, { ...labels, teachers: ['scores'] }],
      'teachers: "scores" trains no model',
    ],
    [
      'an evaluation of pseudo-labels',
      [learner, labels, { ...scores, models: { a: 'labels' } }],
      'models: "labels" trains no model',
    ],
    [
      'a student of a teacher',
      [
        learner,
        { kind: 'student', name: 's', tasks: ['hinge-points'], pseudoLabels: 'teacher', rounds, training, model },
      ],
      'pseudoLabels: "teacher" makes no pseudo-labels',
    ],
    [
      'a probe of an evaluation',
      [learner, scores, { kind: 'probe', name: 'p', of: 'scores', task: 'calcification', rounds, training }],
      'of: "scores" is neither a teacher nor a student: there is no body to probe',
    ],
    [
      'an ensemble of stages that learnt other tasks',
      [
        learner,
        { ...learner, name: 'calcium', task: 'calcification' },
        { ...scores, models: { a: ['teacher', 'calcium'] } },
      ],
      'models: "teacher" has learnt hinge-points, "calcium" calcification: an ensemble has the same tasks',
    ],
    [
      'an ensemble of one stage twice',
      [learner, { ...labels, teachers: [['teacher', 'teacher']] }],
      'teachers: an ensemble names "teacher" twice',
    ],
    [
      'an ensemble with a stage without a model',
      [learner, labels, { ...scores, models: { a: ['teacher', 'labels'] } }],
      'models: "labels" trains no model',
    ],
    [
      'two teachers of one task, one of them an ensemble',
      [learner, { ...learner, name: 'b' }, { ...learner, name: 'c' }, { ...labels, teachers: ['teacher', ['b', 'c']] }],
      'teachers: two of them have learnt hinge-points: a case gets one label of each task',
    ],
  ])('%s', (_, stages, fault) => {
    expect(faultsOf(...stages)).toEqual([fault]);
  });

  describe('a threshold', () => {
    const calcium = { ...learner, name: 'calcium', task: 'calcification' };
    const models = { points: 'teacher', calcium: 'calcium' };
    const evaluation = (threshold: object, more: object = {}) => ({
      ...scores,
      models,
      thresholds: [{ name: 'threshold', points: 'points', ...threshold }],
      ...more,
    });

    test.each([
      ['with unknown points', evaluation({ points: 'x' }), 'thresholds: "x" is not a model of this stage'],
      ['with an unknown place', evaluation({ place: 'x' }), 'thresholds: "x" is not a model of this stage'],
      ['with the name of a model', evaluation({ name: 'calcium' }), 'thresholds: two models are named "calcium"'],
      [
        'of a task that no model has learnt',
        evaluation({ task: 'coronary-arteries' }),
        'thresholds: no model of this stage has learnt coronary-arteries',
      ],
      [
        'whose place has not learnt its task',
        evaluation({ place: 'points' }),
        'thresholds: "points" has not learnt calcification',
      ],
    ])('%s is refused', (_, stage, fault) => {
      expect(faultsOf(learner, calcium, stage)).toEqual([fault]);
    });

    test('may be compared with a model; predictions are a model of the stage', () => {
      const compare = [['calcium', 'threshold']];

      expect(faultsOf(learner, calcium, evaluation({ place: 'calcium' }, { compare }))).toEqual([]);
      expect(faultsOf(learner, calcium, evaluation({}, { predictions: 'threshold' }))).toEqual([
        'predictions: "threshold" is not a model of this stage',
      ]);
    });

    test('is absent from a plan without it', () => {
      expect(evaluate.schema.parse(scores)).not.toHaveProperty('thresholds');
    });
  });

  test('but not when it names one that has what it needs', () => {
    expect(faultsOf(learner, labels, scores)).toEqual([]);
    const second = { ...learner, name: 'second' };
    expect(faultsOf(learner, second, { ...labels, teachers: [['teacher', 'second']] })).toEqual([]);
  });
});

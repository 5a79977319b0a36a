import { describe, expect, test } from 'vitest';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { type Commit, campaignSchema, kindOf, type Plan, planSchema, type Summary } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { keyOf } from '../federation/testing.ts';
import { nextActions } from './actions.ts';
import { openRound } from './opening.ts';
import { definitionsOf, learns, planCampaign, stageOf, tasksOf } from './plan.ts';
import { campaignState } from './state.ts';

const NOW = new Date('2026-03-02T08:00:00Z');
const learnt = {
  rounds: 2,
  model: { kind: 'unet', features: [4, 8] },
  training: { steps: 1, learningRate: 0.001 },
} as const;
const CAMPAIGN = campaignSchema.parse({
  schema: 'fedcardio.campaign/1',
  id: 'c',
  stages: [
    { kind: 'teacher', name: 'teacher/hinge-points', task: 'hinge-points', ...learnt },
    {
      kind: 'teacher',
      name: 'teacher/calcification',
      task: 'calcification',
      ...learnt,
      quorum: { minSites: 2, minFraction: 0.5 },
    },
    { kind: 'pseudo-label', name: 'label', teachers: ['teacher/hinge-points', 'teacher/calcification'] },
    { kind: 'student', name: 'student', tasks: ['hinge-points', 'calcification'], pseudoLabels: 'label', ...learnt },
    { kind: 'student', name: 'control', tasks: ['hinge-points', 'calcification'], ...learnt },
    { kind: 'evaluate', name: 'evaluate', models: { student: 'student', control: 'control' } },
  ],
});
const PLAN: Plan = planCampaign('c', { value: CAMPAIGN, sha256: 'a'.repeat(64) }, NOW);

const address = (stage: string, round: number): RoundAddress => ({ campaign: 'c', stage, round });
const summary = (site: string, cases: Partial<Summary['cases']>, labelled: Summary['labelled'] = {}): Summary => ({
  schema: 'fedcardio.summary/1',
  site,
  at: NOW.toISOString(),
  cases: { training: 0, evaluation: 0, rejected: 0, ...cases },
  labelled,
  labelledEvaluation: {},
});
const SUMMARIES = [
  summary('munich', { training: 4, evaluation: 1 }, { 'hinge-points': 2, calcification: 2 }),
  summary('berlin', { training: 3 }),
  summary('hamburg', { training: 2, evaluation: 1 }, { 'hinge-points': 1, calcification: 0 }),
];

/** A listing of these keys in byte order, all of one time. */
const listed = (...keys: string[]) =>
  keys.sort().map((key) => ({ key: keyOf(key), bytes: 1, etag: '', lastModified: NOW }));
const committed = (stage: string, rounds: number) =>
  Array.from({ length: rounds }, (_, index) => address(stage, index + 1)).flatMap((at) => [
    federationKeys.open(at),
    federationKeys.seal(at),
    federationKeys.commit(at),
  ]);
const actions = (keys: readonly string[], secondsLater = 0) =>
  nextActions(campaignState(PLAN, listed(...keys)), new Date(NOW.getTime() + secondsLater * 1000), 600).map((action) =>
    'at' in action ? `${action.kind} ${action.at.stage} ${action.at.round}` : action.kind,
  );

describe('nextActions', () => {
  test('opens the first round of every stage that waits for no other', () => {
    expect(actions([])).toEqual(['open teacher/hinge-points 1', 'open teacher/calcification 1', 'open control 1']);
  });

  test('sends GPU tasks of an open round that were never sent or seem lost', () => {
    const at = address('control', 1);
    const keys = [federationKeys.open(at)];

    expect(actions(keys)).toContain('send control 1');
    expect(actions([...keys, federationKeys.sent(at)], 599)).not.toContain('send control 1');
    expect(actions([...keys, federationKeys.sent(at)], 600)).toContain('send control 1');
  });

  test('sends them again if the storage seems to have noted the sending much later than now: clocks differ', () => {
    const at = address('control', 1);
    const keys = [federationKeys.open(at), federationKeys.sent(at)];

    expect(actions(keys, -599)).not.toContain('send control 1');
    expect(actions(keys, -600)).toContain('send control 1');
  });

  test('sends them again at once if the queues were lost, though the clock is behind that of the storage', () => {
    const at = address('control', 1);
    const state = campaignState(PLAN, listed(federationKeys.open(at), federationKeys.sent(at)));

    expect(nextActions(state, new Date(NOW.getTime() - 1000), 0)).toContainEqual({ kind: 'send', at });
  });

  test('closes open and sealed rounds, opens the round after a commit, and none after the last', () => {
    const at = address('control', 2);
    const first = committed('control', 1);

    expect(actions(first)).toContain('open control 2');
    expect(actions([...first, federationKeys.open(at), federationKeys.sent(at)])).toContain('close control 2');
    expect(actions([...first, federationKeys.open(at), federationKeys.seal(at)])).toContain('close control 2');
    expect(actions(committed('control', 2)).filter((action) => action.includes('control'))).toEqual([]);
  });

  test('opens a stage when all stages that it names have completed', () => {
    const teachers = [...committed('teacher/hinge-points', 2), ...committed('teacher/calcification', 2)];

    expect(actions(teachers)).toEqual(['open label 1', 'open control 1']);
    expect(actions([...teachers, ...committed('label', 1)])).toContain('open student 1');
    expect(actions([...teachers, ...committed('label', 1), ...committed('control', 2)])).toEqual(['open student 1']);
  });

  test('completes the campaign after its last stage, and does nothing after the outcome', () => {
    const all = PLAN.campaign.stages.flatMap((stage) => committed(stage.name, 'rounds' in stage ? 2 : 1));

    expect(actions(all)).toEqual(['complete']);
    expect(actions([...all, federationKeys.outcome('c')])).toEqual([]);
    expect(actions([federationKeys.outcome('c')])).toEqual([]);
  });
});

const COMMIT = {
  schema: 'fedcardio.commit/1',
  campaign: 'c',
  stage: 'student',
  round: 1,
  at: NOW.toISOString(),
  seal: 'e'.repeat(64),
  previous: 'f'.repeat(64),
  samples: 1,
  sites: ['munich'],
  state: null,
  figures: {},
} as const satisfies Partial<Commit>;

describe('openRound', () => {
  const ableIn = (stage: string) =>
    SUMMARIES.flatMap((own) => {
      const found = stageOf(PLAN, stage);
      const samples = kindOf(found).samples(found, own);
      return samples > 0 ? [{ site: own.site, samples, summary: '"etag"' }] : [];
    });
  const inputs = { plan: PLAN, planSha256: 'b'.repeat(64), previous: undefined, able: ableIn('student') };
  const participants = (stage: string) => {
    const opening = openRound(address(stage, 1), { ...inputs, able: ableIn(stage) }, NOW);
    return opening.kind === 'open'
      ? opening.open.participants.map(({ site, samples }) => `${site} ${samples}`)
      : opening.reason;
  };

  test('takes the sites that have what the stage needs, sorted, with the number of cases', () => {
    expect(participants('teacher/hinge-points')).toEqual(['hamburg 1', 'munich 2']);
    expect(participants('label')).toEqual(['berlin 3', 'hamburg 2', 'munich 4']);
    expect(participants('student')).toEqual(['berlin 3', 'hamburg 2', 'munich 4']);
    expect(participants('control')).toEqual(['hamburg 1', 'munich 4']);
    expect(participants('evaluate')).toEqual(['hamburg 1', 'munich 1']);
  });

  test('freezes the terms: quorum, deadline and the previous link', () => {
    const first = openRound(address('student', 1), inputs, NOW);
    expect(first).toMatchObject({
      open: { quorum: 3, base: null, previous: 'b'.repeat(64), deadline: '2026-03-03T08:00:00.000Z' },
    });
    const global = { key: keyOf('k'), sha256: 'd'.repeat(64), bytes: 8 };
    const previous = { value: { ...COMMIT, global }, sha256: 'c'.repeat(64) };
    const second = openRound(address('student', 2), { ...inputs, previous }, NOW);
    const base = { commit: 'c'.repeat(64), ...global, state: null };
    expect(second).toMatchObject({ open: { base, previous: 'c'.repeat(64) } });
    expect(second.kind === 'open' && Object.keys(second.open)).not.toContain('validation');
  });

  test('says why a round cannot open', () => {
    expect(participants('teacher/calcification')).toBe(
      'Round 1 of teacher/calcification cannot open: only munich of 2 sites have training cases with calcification labels.',
    );
    expect(openRound(address('evaluate', 1), { ...inputs, able: [] }, NOW)).toEqual({
      kind: 'impossible',
      reason: 'Round 1 of evaluate cannot open: no site has held-out cases.',
    });
  });
});

describe('planCampaign', () => {
  test('refuses a campaign whose id is not the one of its key', () => {
    expect(() => planCampaign('other', { value: CAMPAIGN, sha256: '' }, NOW)).toThrow(/id "c".*key of "other"/);
  });

  test("leaves the editor's $schema out of the plan, which older releases would refuse", () => {
    const value = campaignSchema.parse({ ...CAMPAIGN, $schema: './campaign.schema.json' });

    expect(planCampaign('c', { value, sha256: 'a'.repeat(64) }, NOW)).toEqual(PLAN);
  });

  test('writes the defaults of a new plan into it, and keeps what the campaign sets', () => {
    const stages = (aggregation: object) =>
      planCampaign(
        'c',
        {
          value: campaignSchema.parse({
            ...CAMPAIGN,
            stages: CAMPAIGN.stages.slice(0, 1).map((stage) => ({ ...stage, aggregation })),
          }),
          sha256: '',
        },
        NOW,
      ).campaign.stages.map((stage) => ('aggregation' in stage ? stage.aggregation : {}));

    expect(stages({ strategy: 'fedavg' })).toMatchObject([{ clipFactor: 2 }]);
    expect(stages({ strategy: 'fedavg', clipFactor: null })).toMatchObject([{ clipFactor: null }]);
    expect(stages({ strategy: 'trimmed-mean' })).toMatchObject([{ clipFactor: 2, minTrimmed: 1 }]);
    expect(stages({ strategy: 'median' })[0]).not.toHaveProperty('clipFactor');
  });

  test('freezes the definitions of the tasks that the campaign uses, and no others', () => {
    const used = PLAN.tasks?.map(({ id }) => id) ?? [];
    const tasks = DEFAULT_TASKS.map((task) => ({ ...task, title: `Our ${task.id}` }));

    const { tasks: planned } = planCampaign('c', { value: CAMPAIGN, sha256: '' }, NOW, { tasks });

    expect(used.length).toBeGreaterThan(0);
    expect(planned).toEqual(used.map((id) => tasks.find((task) => task.id === id)));
  });

  test('refuses a task that the federation does not have, with the nearest name', () => {
    const tasks = DEFAULT_TASKS.map((task) => ({ ...task, id: `${task.id}-x` }));

    expect(() => planCampaign('c', { value: CAMPAIGN, sha256: '' }, NOW, { tasks })).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIGURATION', hint: expect.stringMatching(/^Did you mean "\S+-x"\? /) }),
    );
  });

  test('refuses a model name that two evaluations of the same cases use, but reads a plan that has it', () => {
    const evaluate = (name: string, more: object) => ({
      ...{ kind: 'evaluate', name, models: { a: 'teacher/hinge-points' } },
      ...more,
    });
    const thresholds = [{ name: 'b', points: 'a', task: 'hinge-points' }];
    const planned = (first: object, second: object) => {
      const stages = [...CAMPAIGN.stages.slice(0, 3), evaluate('e1', first), evaluate('e2', second)];
      const value = campaignSchema.parse({ ...CAMPAIGN, validation: { share: 0.5 }, stages });
      return planCampaign('c', { value, sha256: 'a'.repeat(64) }, NOW);
    };
    const models = { b: 'teacher/hinge-points' };

    expect(() => planned({}, {})).toThrow(/score the held-out cases name a model "a": e1, e2\./);
    expect(() => planned({ thresholds }, { models })).toThrow(/"b"/);
    expect(() => planned({ cases: 'validation' }, { cases: 'validation' })).toThrow(/the validation cases/);
    expect(() => planned({}, { cases: 'validation' })).not.toThrow();
    const plan = planned({}, { models });
    const stages = plan.campaign.stages.map((stage) => (stage.name === 'e2' ? evaluate('e2', {}) : stage));
    expect(() => planSchema.parse({ ...plan, campaign: { ...plan.campaign, stages } })).not.toThrow();
  });

  test('a plan of a release without tasks has the default ones', () => {
    const { tasks: _, ...older } = PLAN;
    const read = planSchema.parse(JSON.parse(JSON.stringify(older)));

    expect(definitionsOf(read)).toEqual(DEFAULT_TASKS);
    for (const stage of read.campaign.stages.filter(learns)) expect(tasksOf(read, stage)).toEqual(tasksOf(PLAN, stage));
  });

  test('raises quorums of training stages to the minimum of the federation', () => {
    const quorums = (minSites: number) =>
      planCampaign('c', { value: CAMPAIGN, sha256: '' }, NOW, { minSites }).campaign.stages.map(
        (stage) => stage.quorum.minSites,
      );

    expect(quorums(1)).toEqual([1, 2, 1, 1, 1, 1]);
    expect(quorums(3)).toEqual([3, 3, 1, 3, 3, 1]);
  });
});

describe('a campaign with an impossible stage', () => {
  const issues = (stages: readonly unknown[]) =>
    campaignSchema
      .safeParse({ ...CAMPAIGN, stages: [...CAMPAIGN.stages.slice(0, 3), ...stages] })
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const student = { kind: 'student', name: 'student', tasks: ['hinge-points'], pseudoLabels: 'label', ...learnt };
  const probe = { kind: 'probe', name: 'probe', of: 'teacher/hinge-points', task: 'coronary-arteries', rounds: 1 };
  const evaluate = (more: object) => ({ kind: 'evaluate', name: 'e', models: { a: 'teacher/hinge-points' }, ...more });
  const { training } = learnt;

  test.each([
    ['soft distillation from hard labels', [{ ...student, distillation: {} }], /distillation: "label" keeps no prob/],
    ['distillation from nothing', [{ ...student, pseudoLabels: undefined, distillation: {} }], /name their stage/],
    ['confidence of nothing', [{ ...student, pseudoLabels: undefined, pseudoLabelWeight: 'confidence' }], /name their/],
    [
      'two labels of one task',
      [{ kind: 'pseudo-label', name: 'twice', teachers: ['teacher/hinge-points', 'teacher/hinge-points'] }],
      /teachers: two of them have learnt hinge-points/,
    ],
    [
      'a comparison with a model of another stage',
      [evaluate({ compare: [['a', 'b']] })],
      /compare: "b" is not a model/,
    ],
    ['scores of validation cases without any', [evaluate({ cases: 'validation' })], /cases: needs validation cases/],
    ['predictions of a model that is not scored', [evaluate({ predictions: 'b' })], /predictions: "b" is not a model/],
    [
      'a probe of a stage without a network',
      [{ ...probe, of: 'label', training }],
      /of: "label" is neither a teacher nor/,
    ],
    ['a probe of a later stage', [{ ...probe, of: 'student', training }, student], /not an earlier stage/],
    [
      'a probe of bodies that differ by site',
      [
        { ...student, training: { ...training, localParameters: ['*norm*'] } },
        { ...probe, of: 'student', training },
      ],
      /no single body to probe/,
    ],
  ])('is refused: %s', (_, stages, message) => {
    expect(issues(stages)?.join()).toMatch(message);
  });

  test('is accepted once the stage is possible', () => {
    const soft = { ...CAMPAIGN.stages[2], name: 'soft', soft: true };
    const softened = { ...student, pseudoLabels: 'soft', distillation: {}, pseudoLabelWeight: 'confidence' };
    expect(issues([soft, softened, { ...probe, training }])).toBeUndefined();
  });
});

describe('validation cases', () => {
  const evaluate = { kind: 'evaluate', name: 'e', models: { a: 'teacher/hinge-points' }, cases: 'validation' };
  const parse = (validation: object) =>
    campaignSchema.safeParse({ ...CAMPAIGN, validation, stages: [...CAMPAIGN.stages.slice(0, 3), evaluate] });

  test.each([0, -0.1, 0.51, 1, Number.NaN])('are never a share of %d', (share) => {
    expect(parse({ share }).success).toBe(false);
  });

  test.each([1e-9, 0.2, 0.5])('may be a share of %d', (share) => {
    expect(parse({ share }).data?.validation).toEqual({ share });
  });

  test('are counted by the labels of a site, whatever it holds out', () => {
    const stage = parse({ share: 0.2 }).data?.stages.at(-1);
    const samples = (labelled: Summary['labelled'], training: number) =>
      stage && kindOf(stage).samples(stage, { cases: { training, evaluation: 9, rejected: 0 }, labelled });

    expect(samples({}, 5)).toBe(0);
    expect(samples({ 'hinge-points': 3, calcification: 4 }, 5)).toBe(5);
    expect(samples({ 'hinge-points': 3 }, 5)).toBe(3);
  });

  test('leave the plan of a campaign without them as it was', () => {
    expect(Object.keys(PLAN.campaign)).not.toContain('validation');
    expect(JSON.stringify(PLAN)).not.toContain('"cases"');
  });
});

describe('a stage with a list of sites', () => {
  const open = (sites: readonly string[], able: readonly string[]) => {
    const stages = CAMPAIGN.stages.map((stage) => (stage.name === 'control' ? { ...stage, sites: [...sites] } : stage));
    const participants = able.map((site) => ({ site, samples: 1, summary: 'e' }));
    const plan: Plan = { ...PLAN, campaign: { ...CAMPAIGN, stages } };
    const terms = { plan, planSha256: 'b'.repeat(64), previous: undefined, able: participants };
    return openRound(address('control', 1), terms, NOW);
  };

  test('asks only those sites, if they have what it needs', () => {
    const opening = open(['munich', 'berlin'], ['munich', 'hamburg']);
    expect(opening.kind === 'open' && opening.open.participants.map(({ site }) => site)).toEqual(['munich']);
  });

  test('cannot open without any of them, and names the sites that it asked', () => {
    expect(open(['berlin'], ['munich'])).toMatchObject({
      kind: 'impossible',
      reason: expect.stringContaining('of berlin no'),
    });
  });
});

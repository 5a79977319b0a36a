import { expect, test } from 'vitest';
import { campaignSchema, type Plan, type Score } from '../../../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../../../lib/federation/tasks.ts';
import { resultsSchema } from '../../../page/api/results.ts';
import { resultsView, type Scored } from './view.ts';

const training = { steps: 1, learningRate: 1e-3 };
const learning = { rounds: 1, model: { kind: 'unet' as const, features: [8, 16] }, training };
const teacher = (name: string, task: string) => ({ kind: 'teacher' as const, name, task, ...learning });

const PLAN: Plan = {
  schema: 'fedcardio.plan/1',
  campaign: campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    stages: [
      teacher('hinges', 'hinge-points'),
      teacher('calcium', 'calcification'),
      { kind: 'evaluate', name: 'evaluate', models: { hinges: 'hinges', calcium: 'calcium' } },
    ],
  }),
  tasks: [...DEFAULT_TASKS],
  source: '0'.repeat(64),
  at: '2026-01-01T00:00:00.000Z',
};

const viewOf = (scores: Readonly<Record<string, readonly Score[]>>, change: Partial<Scored> = {}) =>
  // What the page is sent has its schema.
  resultsSchema.parse(
    resultsView({
      plan: PLAN,
      scores: new Map(Object.entries(scores)),
      missing: [],
      nameOf: (site) => `Hospital ${site}`,
      ...change,
    }),
  );

const hinges = (errors: Score['errors']): Score => ({ model: 'hinges', task: 'hinge-points', errors });
const calcium = (dice: (number | null)[]): Score => ({ model: 'calcium', task: 'calcification', dice });

test('a task has the figures of all sites together, of each site, and of each point', () => {
  const { models, tasks, sites } = viewOf({
    ulm: [hinges({ 'hinge-right': [1, 7], 'hinge-left': [2, null] })],
    bonn: [hinges({ 'hinge-right': [3], 'hinge-left': [null] })],
  });
  const [found] = models[0]?.tasks ?? [];
  const classes = tasks[0]?.classes ?? [];

  expect(sites).toEqual([
    { id: 'bonn', name: 'Hospital bonn' },
    { id: 'ulm', name: 'Hospital ulm' },
  ]);
  // Of six points, four were found, three of them within 6 mm.
  expect(found?.all).toMatchObject({ kind: 'landmarks', n: 6, missing: 2, within: 0.5 });
  expect(found?.sites).toMatchObject([
    [0, { n: 2, missing: 1 }],
    [1, { n: 4, missing: 1 }],
  ]);
  expect(found?.points.map(([index, { n }]) => [classes[index], n])).toEqual([
    ['right hinge point', 3],
    ['left hinge point', 3],
  ]);
  expect(found?.distribution).toEqual({ values: [1, 2, 3, 7], n: 4, without: 2 });
});

test('a site that did not score a task is not among its sites, and its index stays its own', () => {
  const { models, sites } = viewOf({
    bonn: [hinges({ 'hinge-right': [1] })],
    ulm: [calcium([0.5, null])],
  });
  const of = (name: string) => models.find((model) => model.name === name)?.tasks[0]?.sites.map(([index]) => index);

  expect(sites.map(({ id }) => id)).toEqual(['bonn', 'ulm']);
  expect(of('hinges')).toEqual([0]);
  expect(of('calcium')).toEqual([1]);
});

test('models and tasks without any score are left out, and what is missing is passed on', () => {
  const missing = [{ site: 'ulm', evaluation: 'evaluate', reason: 'it had not answered when the round closed' }];

  const view = viewOf({ bonn: [calcium([0.5])] }, { missing });

  expect(view.models.map(({ name }) => name)).toEqual(['calcium']);
  expect(view.tasks.map(({ id }) => id)).toEqual(['calcification']);
  expect(view.missing).toEqual(missing);
  expect(viewOf({})).toMatchObject({ models: [], tasks: [], sites: [] });
});

test('of many values a distribution has equally spaced ones with the first and the last, and says how many there are', () => {
  const errors = Array.from({ length: 5000 }, (_, index) => (index % 10 === 9 ? null : 5000 - index));

  const { distribution } = viewOf({ bonn: [hinges({ 'hinge-right': errors })] }).models[0]?.tasks[0] ?? {};
  const values = distribution?.values ?? [];

  expect(distribution).toMatchObject({ n: 4500, without: 500 });
  expect(values).toHaveLength(300);
  expect([values[0], values.at(-1)]).toEqual([2, 5000]);
  expect(values).toEqual(values.toSorted((a, b) => a - b));
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCaseKey, siteKeys } from '../lib/federation/keys.ts';
import { id as idSchema } from '../lib/federation/schemas/common.ts';
import { scoreSchema } from '../lib/federation/schemas/update.ts';
import { campaignSchema, type ModelConfig, taskSchema } from '../lib/federation/schemas.ts';
import { channelsOf, classTitle, DEFAULT_TASKS, isComplete, type Task } from '../lib/federation/tasks.ts';
import type { Landmark, Volume } from '../lib/imaging/volume.ts';
import { parametersOf } from '../lib/models/initial-weights.ts';
import { exportMetadata, headsOfMetadata } from '../lib/models/interchange/metadata.ts';
import { headOf } from '../lib/models/parameters.ts';
import { reportPage } from '../lib/report/report-page.ts';
import { metricsOf } from '../lib/scoring/metrics.ts';
import { type Target, targetOfClassMap } from '../lib/training/cases.ts';
import { scoreCase, scoreOf } from '../lib/training/evaluate.ts';
import { pseudoLabelChecks } from '../lib/training/plausibility.ts';

/** A class map of 8 × 8 × 8 voxels of 1 mm in which every class has one row of voxels. */
function classMap(classes: number): Volume<Uint8Array> {
  const data = new Uint8Array(512);
  for (let label = 1; label <= classes; label++) data.fill(label, 64 * label, 64 * label + 8);
  return {
    shape: [8, 8, 8],
    affine: [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ],
    data,
  };
}

const MODELS: readonly ModelConfig[] = [
  { kind: 'unet', features: [4, 8], deepSupervision: true },
  { kind: 'swin-unetr', featureSize: 12, depths: [2], heads: [3], window: 2 },
];

describe.each(DEFAULT_TASKS)('the task $id', (definition: Task) => {
  const task = definition.id;
  const labels = definition.classes.map((_, index) => index + 1);
  const map = classMap(labels.length);
  const truth: Target = targetOfClassMap(definition, map);
  const landmarks: readonly Landmark[] = truth.kind === 'points' ? truth.points : [];

  test('has an id that can be part of keys and bucket names', () => {
    expect(idSchema.parse(task)).toBe(task);
  });

  test('is a valid definition with a title of its own for each class', () => {
    expect(taskSchema.parse(definition)).toEqual(definition);
    expect(definition.title).toMatch(/^[A-Z]/);
    expect(new Set(labels.map((label) => classTitle(definition, label))).size).toBe(labels.length);
  });

  test('can be uploaded as a class map, and as markups', () => {
    for (const key of [siteKeys.label('training', 'p1', task), siteKeys.markups('training', 'p1', task)]) {
      expect(parseCaseKey(key)?.part).toMatchObject({ kind: 'label', task });
    }
  });

  test('is complete with every class, and with none only as a segmentation', () => {
    expect(isComplete(definition, Object.fromEntries(labels.map((label) => [label, 1])))).toBe(true);
    expect(isComplete(definition, {})).toBe(definition.kind === 'segmentation');
  });

  test('can be learnt, distilled, probed and evaluated in a campaign', () => {
    const learnt = { rounds: 1, training: { steps: 1, learningRate: 1e-3 } };
    const [model] = MODELS;
    const { stages } = campaignSchema.parse({
      schema: 'fedcardio.campaign/1',
      id: 'c',
      stages: [
        { kind: 'teacher', name: `teacher/${task}`, task, model, ...learnt },
        { kind: 'pseudo-label', name: 'label', teachers: [`teacher/${task}`] },
        { kind: 'student', name: 'student', tasks: [task], pseudoLabels: 'label', model, ...learnt },
        { kind: 'probe', name: 'probe', of: 'student', task, ...learnt },
        { kind: 'evaluate', name: 'evaluate', models: { student: 'student' } },
      ],
    });
    expect(stages).toHaveLength(5);
  });

  test.each(MODELS)('has a head of its own in a $kind', (model) => {
    const parameters = parametersOf(model, [definition]);
    const heads = parameters.filter(({ name }) => headOf(name) !== undefined);
    expect(new Set(heads.map(({ name }) => headOf(name)))).toEqual(new Set([task]));
    expect(heads.length).toBeLessThan(parameters.length);
    for (const { shape } of heads) expect(shape.at(-1)).toBe(channelsOf(definition));
  });

  test('is named in an exported model', () => {
    expect(headsOfMetadata(exportMetadata([definition], 'xyz'))).toEqual([definition]);
  });

  test('has its pseudo-labels checked', () => {
    const found = definition.kind === 'landmarks' ? { confidence: 1, landmarks } : { confidence: 1 };
    const names = pseudoLabelChecks(definition, found, { minConfidence: 0.5, plausibility: true }).map(
      ({ name }) => name,
    );
    expect(names).toEqual([
      'confidence',
      ...(definition.kind === 'landmarks' ? ['all-found'] : []),
      ...(definition.kind === 'landmarks' ? (definition.plausibleDistances ?? []) : []).map(
        ({ between: [a, b] }) => `distance ${a} to ${b}`,
      ),
    ]);
  });

  test('is scored, with a volume where its definition says so, and shown in the report', () => {
    const score = scoreOf('student', definition, [
      scoreCase(definition, truth, { classMap: map, landmarks, confidence: 1 }),
    ]);
    const metrics = metricsOf([scoreSchema.parse(score)]);

    expect(score.volumes !== undefined).toBe(definition.kind === 'segmentation' && definition.reportsVolume === true);
    if (definition.kind === 'landmarks') expect(Object.keys(score.errors ?? {})).toEqual(definition.classes);
    else expect(score.dice).toEqual([1]);
    const page = reportPage({ ...EMPTY_REPORT, metrics: { ...NO_METRICS, student: metrics } }, []);
    expect(page).toContain(definition.title);
  });
});

const NO_METRICS = { teacher: {}, student: {}, studentLabelsOnly: {} };
const EMPTY_REPORT = {
  schema: 'fedcardio.report/1',
  campaign: 'c',
  status: 'completed',
  createdAt: '2026-01-01T00:00:00.000Z',
  seed: 1,
  profile: 'full',
  backend: 'native',
  tasks: DEFAULT_TASKS,
  wallSeconds: 1,
  peakRssMB: 1,
  peakRssOf: 'largest task',
  sites: [],
  stages: [],
  rejected: [],
  unreadSites: [],
  models: [],
  metrics: NO_METRICS,
  landmarks: {},
  bySite: {},
  timeline: [],
} as const;

test('a parameter belongs to the head of any legal task id, and otherwise to the body', () => {
  const ids = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/);
  fc.assert(
    fc.property(ids, (task) => {
      expect(idSchema.parse(task)).toBe(task);
      expect(headOf(`head.${task}.0.weight`)).toBe(task);
      expect(headOf(`out.${task}.conv.conv.bias`)).toBe(task);
    }),
    { examples: [['aorta-3d'], ['body'], ['0']] },
  );
  for (const model of MODELS) {
    for (const { name } of parametersOf(model, [])) expect(headOf(name), name).toBeUndefined();
  }
});

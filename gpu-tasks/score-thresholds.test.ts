import { beforeEach, expect, test } from 'vitest';
import { campaignSchema, type EvaluateStage, type Plan } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import type { Vec3, Volume } from '../lib/imaging/volume.ts';
import type { Stores } from '../lib/storage/contract.ts';
import type { Prediction } from '../lib/training/decode-prediction.ts';
import { scoreOf } from '../lib/training/evaluate.ts';
import { createCache } from './cache.ts';
import { headsLacking, scoreThreshold, thresholdInputs } from './score-thresholds.ts';
import { openSiteData } from './site-data.ts';
import { gpuTaskContext, SITE, stores, uploadCase } from './testing.ts';

/** Two cases with a bright ball of calcium in air: "blood" is what surrounds it. */
const CASES = ['patient-1', 'patient-2'] as const;
const SHA = '0'.repeat(64);
const network = {
  rounds: 1,
  model: { kind: 'unet', features: [4, 8] },
  training: { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2 },
} as const;

let storage: Stores;

beforeEach(async () => {
  storage = stores();
  for (const id of CASES) await uploadCase(storage, 'evaluation', id, true);
});

function stageWith(threshold: object): { readonly plan: Plan; readonly stage: EvaluateStage } {
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'aortic',
    stages: [
      { kind: 'teacher', name: 'hinges', task: 'hinge-points', ...network },
      { kind: 'teacher', name: 'calcium', task: 'calcification', ...network },
      {
        kind: 'evaluate',
        name: 'evaluate',
        models: { hinges: 'hinges', calcium: 'calcium' },
        thresholds: [{ name: 'threshold', points: 'hinges', within: 100, ...threshold }],
      },
    ],
  });
  const plan: Plan = {
    schema: 'fedcardio.plan/1',
    campaign,
    tasks: [...DEFAULT_TASKS],
    source: SHA,
    at: '2026-01-01T00:00:00.000Z',
  };
  return { plan, stage: campaign.stages[2] as EvaluateStage };
}

/** Three hinge points around a corner of the CT, where there is no calcium; the left one may be missing. */
const hinges = ({ affine }: Volume, complete: boolean): NonNullable<Prediction['landmarks']> => {
  const [x, y, z]: Vec3 = [affine[0][3] + 10, affine[1][3] + 10, affine[2][3] + 10];
  return [
    { label: 1, position: [x + 10, y, z] },
    { label: 2, position: complete ? [x, y + 10, z] : null },
    { label: 3, position: [x - 10, y, z] },
  ];
};

/** The threshold's score, with hinge points in the first case alone. */
async function scored(threshold: object, place?: (truth: Volume<Uint8Array>) => Uint8Array) {
  const { plan, stage } = stageWith(threshold);
  const { context } = await gpuTaskContext(storage);
  const data = openSiteData(storage.siteStore(SITE), createCache(2 ** 20), context.log, 'aortic');
  const entries = await data.catalog('evaluation');
  const [rule] = stage.thresholds ?? [];
  if (!rule) throw new Error('The stage has no threshold.');
  const inputs = thresholdInputs([rule]);
  for (const entry of entries) {
    const image = await data.image(entry);
    const empty = { shape: entry.image.shape, affine: affineOf(entry.image.affine), data: new Uint8Array(0) };
    const landmarks = hinges(image, entry.case === CASES[0]);
    inputs.keep('hinges', entry, [[TASKS['hinge-points'], { classMap: empty, landmarks, confidence: 1 }]]);
    const truth = await data.label(entry, TASKS.calcification);
    if (!place || truth?.kind !== 'mask') continue;
    const classMap = { ...empty, data: place(truth.mask) };
    inputs.keep('calcium', entry, [[TASKS.calcification, { classMap, confidence: 1 }]]);
  }
  const unused = { planSha256: '', message: undefined as never, at: undefined as never, withdrawals: new Map() };
  const input = { plan, stage, data, ...unused };
  const { scores, unreadable } = await scoreThreshold(input, context, rule, inputs, entries, () => undefined);
  expect(unreadable).toBe(0);
  return scoreOf('threshold', TASKS.calcification, [...(scores.get('calcification')?.values() ?? [])]);
}

test('finds what is brighter than blood near the predicted annulus; a case without annulus is missed and counted', async () => {
  expect(await scored({})).toMatchObject({
    model: 'threshold',
    dice: [0, 1],
    volumes: { prediction: [0, expect.any(Number)] },
    withoutAnnulus: 1,
  });
});

test('finds nothing beyond its distance', async () => {
  expect(await scored({ within: 6 })).toMatchObject({ dice: [0, 0], withoutAnnulus: 1 });
});

test("takes the network's place: one voxel of it is enough, and without one there is nothing", async () => {
  const one = (truth: Volume<Uint8Array>) => {
    const data = new Uint8Array(truth.data.length);
    data[truth.data.indexOf(1)] = 1;
    return data;
  };

  expect((await scored({ place: 'calcium' }, one)).dice).toEqual([0, 1]);
  expect((await scored({ place: 'calcium' }, (truth) => new Uint8Array(truth.data.length))).dice).toEqual([0, 0]);
  expect((await scored({ place: 'calcium' })).dice).toEqual([0, 0]);
});

test('needs the points and the place in every case with a label of its task, whatever other labels it has', async () => {
  const { stage } = stageWith({ place: 'calcium' });
  const { context } = await gpuTaskContext(storage);
  const data = openSiteData(storage.siteStore(SITE), createCache(2 ** 20), context.log, 'aortic');
  const [entry] = await data.catalog('evaluation');
  if (!entry) throw new Error('There is no case.');
  const inputs = thresholdInputs(stage.thresholds ?? []);

  expect(inputs.needed('hinges', [TASKS['hinge-points']], entry)).toEqual(['hinge-points']);
  expect(inputs.needed('calcium', [TASKS.calcification], entry)).toEqual(['calcification']);
  expect(inputs.needed('other', [TASKS['hinge-points']], entry)).toEqual([]);
  expect(inputs.needed('hinges', [TASKS['hinge-points']], { ...entry, labels: {} })).toEqual([]);
});

test('lacks the heads that it takes from a model, and no others', () => {
  const [rule] = stageWith({ place: 'calcium' }).stage.thresholds ?? [];
  if (!rule) throw new Error('The stage has no threshold.');
  const hinges = TASKS['hinge-points'];
  const [calcium, septum] = [TASKS.calcification, TASKS['membranous-septum']];

  expect(headsLacking(rule, new Map())).toEqual([]);
  expect(headsLacking(rule, new Map([['hinges', [hinges, calcium]]]))).toEqual([hinges]);
  expect(headsLacking(rule, new Map([['calcium', [hinges, calcium, septum]]]))).toEqual([calcium]);
  expect(headsLacking({ ...rule, place: undefined }, new Map([['calcium', [calcium]]]))).toEqual([]);
});

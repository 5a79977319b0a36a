import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../lib/error.ts';
import { type FederationKey, federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import {
  type CatalogEntry,
  campaignSchema,
  catalogSchema,
  commitSchema,
  type Federation,
  openSchema,
  planSchema,
  rejectedSchema,
  type Score,
  sealSchema,
  summarySchema,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { TASKS } from '../../lib/federation/tasks.ts';
import { keyOf, TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { paintLandmarks } from '../../lib/imaging/landmarks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import type { Affine, Landmark } from '../../lib/imaging/volume.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import { decodePackage } from '../../lib/models/package.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';
import { summaryText } from './summary-text.ts';
import { writeReport } from './write-report.ts';

const at = '2026-01-01T00:00:00.000Z';
const hash = 'ab'.repeat(32);
const federation: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'f',
  sites: [
    { id: 'berlin', name: 'Berlin' },
    { id: 'munich', name: 'Munich' },
  ],
};
const campaign = 'c';
const weights = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]]));
const model = { kind: 'unet' as const, features: [8, 16] };
const training = { steps: 1, learningRate: 1e-3 };

const affine: Affine = [
  [2, 0, 0, 0],
  [0, 2, 0, 0],
  [0, 0, 2, 0],
  [0, 0, 0, 1],
];
const shape = [16, 16, 16] as const;
const { classes } = TASKS['membranous-septum'];
const truth: readonly Landmark[] = [
  { label: 1, position: [8, 8, 8] },
  { label: 2, position: [20, 20, 20] },
];

/** The only round of a stage: Berlin's update is merged, Munich's failed. */
async function putRound({ federationStore }: Stores, stage: string, scores?: Score[]): Promise<void> {
  const round = { campaign, stage, round: 1 };
  const put = (key: FederationKey, value: unknown) => federationStore.put(key, canonicalJson(value));
  const sha256 = sha256Hex(weights);
  const global = scores ? null : { key: federationKeys.global(round, sha256), sha256, bytes: weights.length };
  const key = federationKeys.update(round, 'berlin', 'x');
  if (global) await federationStore.put(global.key, weights);
  await put(
    federationKeys.open(round),
    openSchema.parse({
      schema: 'fedcardio.open/1',
      ...round,
      at,
      deadline: at,
      config: TEACHER_STAGE,
      seed: 0,
      participants: ['berlin', 'munich'].map((site) => ({ site, samples: 3, summary: '' })),
      quorum: 1,
      base: null,
      previous: hash,
    }),
  );
  await put(
    key,
    updateSchema.parse({
      schema: 'fedcardio.update/1',
      ...round,
      site: 'berlin',
      at,
      status: 'ok',
      samples: 3,
      weights: global && { ...global, delta: false },
      base: null,
      figures: { loss: 0.5 },
      ...(scores ? { scores } : {}),
      seconds: 2,
      backend: 'native',
      peakRss: 5e8,
    }),
  );
  await put(
    federationKeys.seal(round),
    sealSchema.parse({
      schema: 'fedcardio.seal/1',
      ...round,
      at,
      open: hash,
      updates: [{ site: 'berlin', key, sha256: hash, samples: 3, weights: global }],
      failed: [{ site: 'munich', key: 'k', reason: 'disk full' }],
    }),
  );
  await put(
    federationKeys.commit(round),
    commitSchema.parse({
      schema: 'fedcardio.commit/1',
      ...round,
      at,
      seal: hash,
      previous: hash,
      samples: 3,
      sites: ['berlin'],
      global,
      state: null,
      figures: { loss: 0.5 },
    }),
  );
}

async function finishedCampaign(more: readonly object[] = []): Promise<Stores> {
  const stores = storesOf(createMemoryStorage(), 'f');
  const tasks = ['membranous-septum' as const];
  const plan = planSchema.parse({
    schema: 'fedcardio.plan/1',
    campaign: campaignSchema.parse({
      schema: 'fedcardio.campaign/1',
      id: campaign,
      stages: [
        { kind: 'student', name: 'student', tasks, rounds: 1, model, training },
        { kind: 'evaluate', name: 'evaluate', models: { student: 'student' }, predictions: 'student' },
        ...more,
      ],
    }),
    source: hash,
    at,
  });
  await stores.federationStore.put(federationKeys.plan(campaign), canonicalJson(plan));
  await putRound(stores, 'student');
  const errors = { 'septum-start': [1.5], 'septum-end': [null] };
  await putRound(stores, 'evaluate', [{ model: 'student', task: 'membranous-septum', errors }]);
  await stores.federationStore.put(
    federationKeys.summary('berlin'),
    canonicalJson(
      summarySchema.parse({
        schema: 'fedcardio.summary/1',
        site: 'berlin',
        at,
        cases: { training: 3, evaluation: 1, rejected: 1 },
        labelled: {},
        labelledEvaluation: { 'membranous-septum': 1 },
      }),
    ),
  );
  await putHeldOutCase(stores);
  return stores;
}

async function putHeldOutCase({ siteStore }: Stores): Promise<void> {
  const store = siteStore('berlin');
  const image = siteKeys.image('evaluation', 'h001');
  const markups = siteKeys.markups('evaluation', 'h001', 'membranous-septum');
  const entry: CatalogEntry = {
    schema: 'fedcardio.catalog/1',
    site: 'berlin',
    case: 'h001',
    use: 'evaluation',
    at,
    image: {
      key: image,
      etag: '"e"',
      bytes: 1,
      sha256: hash,
      shape: [...shape],
      spacing: [2, 2, 2],
      affine: affine.map((row) => [...row]),
      orientation: 'RAS',
      range: [0, 100],
    },
    labels: { 'membranous-septum': { key: markups, etag: '"e"', format: 'markups', classes: { '1': 1, '2': 1 } } },
  };
  const found = paintLandmarks([{ label: 1, position: [8, 8, 10] }], { shape, affine }, 4);
  await store.put(image, writeNifti({ shape, affine, data: new Int16Array(16 ** 3).fill(50) }));
  await store.put(markups, writeMarkups(truth, classes));
  await store.put(siteKeys.catalog('h001'), canonicalJson(catalogSchema.parse(entry)));
  await store.put(siteKeys.prediction(campaign, 'student', 'membranous-septum', 'h001'), writeNifti(found));
  const rejected = { key: siteKeys.image('training', 'p9'), code: 'BAD_IMAGE', reason: 'It is a PNG picture.' };
  await store.put(
    siteKeys.rejected('p9'),
    canonicalJson(
      rejectedSchema.parse({ schema: 'fedcardio.rejected/1', site: 'berlin', case: 'p9', at, objects: [rejected] }),
    ),
  );
}

const out = mkdtempSync(join(tmpdir(), 'fedcardio-report-'));
afterAll(() => rmSync(out, { recursive: true }));

const facts = () => ({
  seed: 1,
  createdAt: at,
  wallSeconds: 12,
  peakRssMB: 1,
  peakRssOf: 'largest task' as const,
  timeline: [],
});

/** Writes a report into a folder of its own, and returns it. */
async function reportInto(folder: string, stores: Stores) {
  const written = await writeReport(
    { ...stores, federation, campaign },
    { status: 'completed' },
    facts,
    join(out, folder),
    { weights: false },
  );
  rmSync(join(out, folder), { recursive: true });
  return written;
}

test.each([
  ['of two stages', 'student-2'],
  ['of one stage', 'student'],
])('does not mix the scores of models %s that two evaluations of an earlier release name alike', async (_, of) => {
  const stores = await finishedCampaign([
    { kind: 'student', name: 'student-2', tasks: ['membranous-septum'], rounds: 1, model, training },
    { kind: 'evaluate', name: 'evaluate-2', models: { student: of } },
  ]);
  const errors = { 'septum-start': [4], 'septum-end': [8] };
  await putRound(stores, 'student-2');
  await putRound(stores, 'evaluate-2', [{ model: 'student', task: 'membranous-septum', errors }]);

  const { report } = await reportInto('alike', stores);

  expect(report.models).toMatchObject([
    { name: 'student (evaluate)', stage: 'student', metrics: { 'membranous-septum': { n: 2, median: 1.5 } } },
    { name: 'student (evaluate-2)', stage: of, metrics: { 'membranous-septum': { n: 2, median: 6 } } },
  ]);
  expect(report.metrics.studentLabelsOnly).toEqual({});
});

test.each([
  ['a catalog entry that is no JSON', siteKeys.catalog('h001'), '{'],
  ['a catalog entry of a newer release', siteKeys.catalog('h001'), '{"schema":"fedcardio.catalog/2"}'],
  ['a CT that is no NIfTI', siteKeys.image('evaluation', 'h001'), 'PNG'],
  ['a prediction that is no NIfTI', siteKeys.prediction(campaign, 'student', 'membranous-septum', 'h001'), 'PNG'],
  [
    'a label with an unknown point',
    siteKeys.markups('evaluation', 'h001', 'membranous-septum'),
    writeMarkups(truth, ['septum-start', 'apex']),
  ],
])('%s costs only its picture', async (_, key, body) => {
  const stores = await finishedCampaign();
  await stores.siteStore('berlin').put(key, body);

  const { report, files } = await reportInto('unusable', stores);

  expect(report.models).toMatchObject([{ metrics: { 'membranous-septum': { n: 2 } } }]);
  expect(files.map((file) => basename(file))).toEqual([
    'report.json',
    'scores.csv',
    'rounds.csv',
    'round_metrics.jsonl',
    'report.html',
  ]);
});

test('a mask on another grid than its prediction costs only its picture, and the next case is shown', async () => {
  const stores = await finishedCampaign();
  const store = stores.siteStore('berlin');
  const mask = (side: number) =>
    writeNifti({ shape: [side, side, side], affine, data: new Uint8Array(side ** 3).fill(1) });
  const label = siteKeys.label('evaluation', 'g001', 'calcification');
  const { value: entry } = await readJson(store, siteKeys.catalog('h001'), catalogSchema);
  const labels = { calcification: { key: label, etag: '"e"', format: 'class-map', classes: { '1': 1 } } };
  await store.put(siteKeys.catalog('g001'), canonicalJson({ ...entry, case: 'g001', labels }));
  await store.put(label, mask(8));
  await store.put(siteKeys.prediction(campaign, 'student', 'calcification', 'g001'), mask(16));

  const { files } = await reportInto('another-grid', stores);

  expect(files.map((file) => basename(file))[0]).toBe('berlin-h001-membranous-septum.nii.gz');
});

describe('writeReport', async () => {
  const stores = await finishedCampaign();
  const { report } = await writeReport(
    { ...stores, federation, campaign },
    { status: 'completed' },
    ({ peakGpuTaskRss }) => ({
      profile: 'full',
      seed: 1,
      createdAt: at,
      wallSeconds: 12,
      peakRssMB: peakGpuTaskRss / 1e6,
      peakRssOf: 'largest task',
      timeline: [],
    }),
    out,
    { trainedOnPhantoms: true },
  );

  test('reads sites, stages, rejections and figures from the buckets', () => {
    expect(report).toMatchObject({
      backend: 'native',
      peakRssMB: 500,
      sites: [
        { id: 'berlin', cases: { training: 3, evaluation: 1, rejected: 1 } },
        { id: 'munich', cases: { training: 0, evaluation: 0, rejected: 0 } },
      ],
      stages: [
        {
          name: 'student',
          kind: 'control',
          rounds: 1,
          participants: ['berlin', 'munich'],
          commits: [{ round: 1, samples: 3, failed: [{ site: 'munich', reason: 'disk full' }] }],
        },
        { name: 'evaluate', kind: 'evaluate', rounds: 1 },
      ],
      rejected: [{ site: 'berlin', key: 'cases/p9/image.nii.gz', reason: 'It is a PNG picture.' }],
      metrics: { studentLabelsOnly: { 'membranous-septum': { n: 2, missing: 1, median: 1.5, within6mm: 0.5 } } },
    });
    expect(Object.keys(report.bySite)).toEqual(['berlin']);
  });

  test('says whose updates a round merged, and why another is missing', () => {
    expect(report.stages[0]?.commits[0]?.coverage).toEqual({
      asked: ['berlin', 'munich'],
      merged: ['berlin'],
      caseShare: 0.5,
      excluded: [{ site: 'munich', why: 'refused', reason: 'disk full' }],
    });
    expect(readFileSync(join(out, 'rounds.csv'), 'utf8')).toContain(
      `student,1,${at},${at},munich,refused,,,,disk full`,
    );
    expect(readFileSync(join(out, 'rounds.csv'), 'utf8')).toMatch(/^stage,.*,reason,validation_loss,steps\r\n/);
    const [line = ''] = readFileSync(join(out, 'round_metrics.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(line)).toMatchObject({ stage: 'student', round: 1, sites_asked: 2, sites_merged: 1 });
    expect(summaryText(report)).toContain('student round 1: merged 1 of 2 sites, 50\u00a0% of the cases');
  });

  test('has the scores of every model by site, task and point', () => {
    const rows = readFileSync(join(out, 'scores.csv'), 'utf8').split('\r\n');
    expect(rows).toContain('student,student,berlin,membranous-septum,septum-end,1,1,,,0,,,,,,');
    expect(rows).toContain('student,student,,membranous-septum,,2,1,1.5,1.5,0.5,,,,,,');
  });

  test('needs no bucket of a site', async () => {
    const refuse = () => {
      throw new FedcardioError('STORAGE', 'Cannot read: Access Denied (AccessDenied 403).');
    };
    const closed = { list: refuse, tryGet: refuse, get: refuse } as unknown as SiteStore;
    const folder = join(out, 'closed');
    const { report } = await writeReport(
      { ...stores, siteStore: () => closed, federation, campaign },
      { status: 'running' },
      ({ peakGpuTaskRss }) => ({
        seed: 1,
        createdAt: at,
        wallSeconds: 12,
        peakRssMB: peakGpuTaskRss,
        peakRssOf: 'largest task',
        timeline: [],
      }),
      folder,
      { weights: false },
    );
    rmSync(folder, { recursive: true });

    expect(report).toMatchObject({ status: 'running', rejected: [], unreadSites: ['berlin', 'munich'] });
    expect(report.models).toMatchObject([{ name: 'student', metrics: { 'membranous-septum': { n: 2 } } }]);
  });

  test('names the SHA-256 of each commit', async () => {
    for (const { key, sha256 } of report.stages.flatMap(({ commits }) => commits))
      expect(sha256Hex((await stores.federationStore.get(keyOf(key))).body)).toBe(sha256);
  });

  test('writes the report, the merged weights and the predictions of the site', async () => {
    expect(readdirSync(out).sort()).toEqual([
      'predictions',
      'report.html',
      'report.json',
      'round_metrics.jsonl',
      'rounds.csv',
      'scores.csv',
      'student.safetensors',
    ]);
    expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
    const student = decodePackage(readFileSync(join(out, 'student.safetensors')), 'student.safetensors');
    expect(student).toMatchObject({
      weights: decodeSafetensors(weights),
      model: { ...model, deepSupervision: true },
      tasks: [TASKS['membranous-septum']],
      sha256: sha256Hex(weights),
      origin: { campaign, stage: 'student', round: 1 },
      trainedOnPhantoms: true,
    });
    const prediction = siteKeys.prediction(campaign, 'student', 'membranous-septum', 'h001');
    const { body } = await stores.siteStore('berlin').get(prediction);
    const copied = readFileSync(join(out, 'predictions/berlin-h001-membranous-septum.nii.gz'));
    expect(new Uint8Array(copied)).toEqual(new Uint8Array(body));
  });

  test('shows a case with the errors of its points', () => {
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toMatch(/septum start <b>2\.\d\u00a0mm<\/b>/);
    expect(page).toContain('septum end <b>missing</b>');
  });
});

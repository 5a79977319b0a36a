import { gunzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, mergedSchema, pseudoLabelReportSchema } from '../lib/federation/schemas.ts';
import { ensembleHash } from '../lib/models/ensemble.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { runGpuTask } from './run-gpu-task.ts';
import {
  commitUpdateOf,
  gpuTaskContext,
  openRound,
  SITE,
  stores,
  type TeacherOptions,
  updateOf,
  uploadCase,
} from './testing.ts';

/** A second teacher on other voxels and windows, and stages that use it alone and with the first. */
const OPTIONS: TeacherOptions = {
  rounds: 1,
  more: [
    {
      kind: 'teacher',
      name: 'second',
      task: 'calcification',
      rounds: 1,
      model: { kind: 'unet', features: [2, 4] },
      training: { patch: 8, spacing: 8, steps: 3, learningRate: 2e-2, warmup: 0 },
    },
    { kind: 'pseudo-label', name: 'alone', teachers: ['second'], filter: { minConfidence: 0 } },
    {
      kind: 'pseudo-label',
      name: 'together',
      teachers: [['teacher', 'second']],
      filter: { minConfidence: 0 },
      soft: true,
      overlap: 0.25,
    },
    {
      kind: 'evaluate',
      name: 'scores',
      models: { second: 'second', both: ['teacher', 'second'] },
      predictions: 'both',
      compare: [['both', 'second']],
      overlap: 0,
    },
  ],
};

type StageInput = NonNullable<TeacherOptions['more']>[number];

let storage: Stores;
let run: (message: GpuTaskMessage) => Promise<unknown>;

beforeEach(async () => {
  storage = stores();
  const { context } = await gpuTaskContext(storage);
  run = (message) => runGpuTask(message, context);
  await uploadCase(storage, 'training', 'p1', true);
  await uploadCase(storage, 'training', 'p2', false);
  await uploadCase(storage, 'evaluation', 'p3', true);
  for (const stage of ['teacher', 'second']) {
    const message = await openRound(storage, stage, 1, null, OPTIONS);
    await run(message);
    await commitUpdateOf(storage, message);
  }
});

const open = (stage: string) => openRound(storage, stage, 1, null, OPTIONS);
const modelOf = async (stage: string) => {
  const key = federationKeys.merged({ campaign: 'aortic', stage, round: 1 });
  return { sha256: (await readJson(storage.federationStore, key, mergedSchema)).value.global?.sha256 ?? '' };
};
const bothHash = async () => ensembleHash([await modelOf('teacher'), await modelOf('second')]);

test('several teachers label a case together, on record with the hash of all', async () => {
  const reportOf = async (stage: string) => {
    await run(await open(stage));
    const key = siteKeys.pseudoLabelReport({ campaign: 'aortic', stage }, 'calcification', 'p2');
    return (await readJson(storage.siteStore(SITE), key, pseudoLabelReportSchema)).value;
  };

  const [alone, first, together] = [await reportOf('alone'), await reportOf('label'), await reportOf('together')];

  expect(alone.teacher).toBe((await modelOf('second')).sha256);
  expect(together.teacher).toBe(await bothHash());
  expect(new Set([alone.confidence, first.confidence, together.confidence]).size).toBe(3);
});

test('an ensemble is scored, compared and predicted with like a model', async () => {
  const message = await open('scores');

  await run(message);

  const update = await updateOf(storage, message);
  expect(update).toMatchObject({
    status: 'ok',
    scores: [
      { model: 'both', task: 'calcification' },
      { model: 'second', task: 'calcification' },
    ],
    comparisons: [{ first: 'both', second: 'second', task: 'calcification' }],
  });
  const { body } = await storage.siteStore(SITE).get(siteKeys.prediction('aortic', 'both', 'calcification', 'p3'));
  const description = gunzipSync(body).subarray(148, 228).toString('latin1');
  expect(description).toContain((await bothHash()).slice(0, 12));
});

/** Trains both teachers at the site Berlin, which has labels. Bonn has none for training. Returns how to run a stage at a site. */
async function trainedAt(options: TeacherOptions) {
  storage = stores();
  for (const site of [SITE, 'bonn']) {
    await uploadCase(storage, 'training', `${site}-1`, site === SITE, site);
    await uploadCase(storage, 'evaluation', `${site}-2`, true, site);
  }
  const runAt = async (site: string, stage: string) => {
    const { context, logged } = await gpuTaskContext(storage, site);
    const message = await openRound(storage, stage, 1, null, { ...options, site });
    expect(await runGpuTask(message, context), logged.join('\n')).toBe('done');
    return { message, update: await updateOf(storage, message), logged: logged.join('\n') };
  };
  for (const stage of ['teacher', 'second']) await commitUpdateOf(storage, (await runAt(SITE, stage)).message);
  return runAt;
}

test.each([
  ['one member stay', false],
  ['all members stay', true],
])('labels and scores nothing at a site without a head, if those of %s at their sites', async (_, all) => {
  const fedper = { algorithm: { name: 'fedper' } } as const;
  const [second, ...stages] = OPTIONS.more as [Extract<StageInput, { kind: 'teacher' }>, ...StageInput[]];
  const options: TeacherOptions = {
    ...OPTIONS,
    training: all ? fedper : {},
    more: [{ ...second, training: { ...second.training, ...fedper } }, ...stages],
  };
  const runAt = await trainedAt(options);

  const [here, there] = [await runAt(SITE, 'scores'), await runAt('bonn', 'scores')];
  const labelled = await runAt('bonn', 'together');

  expect(here.update).toMatchObject({ scores: [{ model: 'both' }, { model: 'second' }] });
  expect(here.logged).not.toContain('no-head');
  expect(there.update).toMatchObject({ status: 'ok', samples: 1 });
  expect(there.update).not.toHaveProperty('scores.0');
  expect(there.logged).toContain('"event":"no-head","model":"both","tasks":["calcification"]');
  expect(labelled.update).toMatchObject({ status: 'ok', figures: {} });
  expect(labelled.logged).toContain('"event":"no-head","model":"teacher, second","tasks":["calcification"]');
});

test('a threshold is not scored at a site that has no head for what it takes from a model', async () => {
  const [second] = OPTIONS.more as [Extract<StageInput, { kind: 'teacher' }>];
  const options: TeacherOptions = {
    ...OPTIONS,
    more: [
      { ...second, training: { ...second.training, algorithm: { name: 'fedper' } } },
      {
        kind: 'evaluate',
        name: 'scores',
        models: { teacher: 'teacher', second: 'second' },
        thresholds: [
          { name: 'free', points: 'teacher' },
          { name: 'placed', points: 'teacher', place: 'second' },
        ],
        compare: [['placed', 'teacher']],
      },
    ],
  };
  const runAt = await trainedAt(options);

  const [here, there] = [await runAt(SITE, 'scores'), await runAt('bonn', 'scores')];

  expect(here.update).toMatchObject({ scores: [{}, {}, { model: 'free' }, { model: 'placed' }], comparisons: [{}] });
  expect(there.update).toMatchObject({ scores: [{ model: 'teacher' }, { model: 'free' }] });
  expect(there.update).toHaveProperty('scores.length', 2);
  expect(there.update).not.toHaveProperty('comparisons.0');
  expect(there.logged).toContain('"event":"no-head","model":"placed","tasks":["calcification"]');
});

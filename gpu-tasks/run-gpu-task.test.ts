import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { FedcardioError } from '../lib/error.ts';
import { federationKeys, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, type Open, sentBySiteSchema } from '../lib/federation/schemas.ts';
import { keyOf } from '../lib/federation/testing.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { originLine } from '../lib/imaging/origin.ts';
import { sha256Hex } from '../lib/json.ts';
import { recordFailure } from '../lib/protocol/gpu-tasks.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { trainedModel } from './stage-model.ts';
import { commitUpdateOf, gpuTaskContext, openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';

const CASES = ['patient-4711', 'patient-4712'] as const;
let storage: Stores;
let running: Awaited<ReturnType<typeof gpuTaskContext>>;

beforeEach(async () => {
  storage = stores();
  running = await gpuTaskContext(storage);
});

const run = (message: GpuTaskMessage) => runGpuTask(message, running.context);

/** Trains a round, and commits its only update as the global model. */
async function trainAndCommit(round: number, base: Open['base']): Promise<Open['base']> {
  const message = await openRound(storage, 'teacher', round, base);
  expect(await run(message)).toBe('done');
  return commitUpdateOf(storage, message);
}

/** The keys and contents of all objects in the federation bucket. */
const allText = async () => {
  const { federationStore } = storage;
  const found = await collect(federationStore.list(keyOf('')));
  const bodies = await Promise.all(found.map(({ key }) => federationStore.get(key)));
  return [...found.map(({ key }) => key), ...bodies.map(({ body }) => Buffer.from(body).toString('latin1'))].join('\n');
};

/** Changes of a case between intake and a GPU task. */
const UNREADABLE: readonly (readonly [string, (caseId: string) => Promise<unknown>])[] = [
  ['whose CT was removed', (id) => storage.siteStore(SITE).delete(siteKeys.image('training', id))],
  ['whose CT was replaced', (id) => storage.siteStore(SITE).put(siteKeys.image('training', id), 'not NIfTI')],
  ['whose label was removed', (id) => storage.siteStore(SITE).delete(siteKeys.label('training', id, 'calcification'))],
];

/** The `descrip` field of a NIfTI-1 file of the site. */
const descriptionOf = async (key: SiteKey): Promise<string> => {
  const { body } = await storage.siteStore(SITE).get(key);
  return gunzipSync(body).subarray(148, 228).toString('latin1').replace(/\0+$/, '');
};

/** The line of origin of what the teacher made from a CT, whose data is all of the file after the header. */
const originOf = async (image: SiteKey, kind?: 'pseudo-label'): Promise<string> => {
  const { sha256: model } = await trainedModel(storage.federationStore, 'aortic', 'teacher');
  const { body } = await storage.siteStore(SITE).get(image);
  return originLine({ model, image: { sha256: sha256Hex(gunzipSync(body).subarray(352)) }, of: 'voxels' }, kind);
};

describe('a training task', () => {
  test('publishes weights and metadata, and stores the optimiser state at its site', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const message = await openRound(storage, 'teacher', 1);

    expect(await run(message)).toBe('done');

    const update = await updateOf(storage, message);
    expect(update).toMatchObject({ status: 'ok', samples: 1, base: null, backend: running.context.backend });
    expect(running.steps).toEqual([1, 2]);
    const optimizerKey = siteKeys.optimizer(message);
    const moments = decodeSafetensors((await storage.siteStore(SITE).get(optimizerKey)).body);
    expect([...moments.values()].some(({ data }) => (data as Float32Array).some((value) => value !== 0))).toBe(true);
    expect(await allText()).not.toContain(CASES[0]);
  });

  test('publishes its update though the clock was set back while it ran', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const message = await openRound(storage, 'teacher', 1);
    let at = running.context.now().getTime();
    const now = () => {
      at -= 60_000;
      return new Date(at);
    };

    expect(await runGpuTask(message, { ...running.context, now })).toBe('done');

    expect(await updateOf(storage, message)).toMatchObject({ status: 'ok', seconds: 0 });
  });

  test.each([
    ['an update', true],
    ['a failure', false],
  ])('records at its site what leaves it: %s', async (_, isLabelled) => {
    await uploadCase(storage, 'training', CASES[0], isLabelled);
    const message = await openRound(storage, 'teacher', 1);

    await run(message);

    const { value } = await readJson(storage.siteStore(SITE), siteKeys.sent(message), sentBySiteSchema);
    const left = await collect(storage.federationStore.list(federationKeys.siteUpdates(message, SITE)));
    const recorded = [value.weights, value.update].flatMap((file) => (file ? [[file.key, file.bytes]] : []));
    expect(recorded.sort()).toEqual(left.map(({ key, bytes }) => [key, bytes]).sort());
    expect(value.failure?.code).toBe(isLabelled ? undefined : 'NO_DATA');
    expect(value).toMatchObject({ kind: 'teacher', site: SITE, round: 1 });
  });

  test('continues with the stored optimiser state, which changes the result', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const base = await trainAndCommit(1, null);
    const optimizerKey = siteKeys.optimizer({ campaign: 'aortic', stage: 'teacher', round: 1 });
    const runNext = async (deleteState: boolean) => {
      const state = (await storage.siteStore(SITE).get(optimizerKey)).body;
      if (deleteState) await storage.siteStore(SITE).delete(optimizerKey);
      const message = await openRound(storage, 'teacher', 2, base);
      expect(await run(message)).toBe('done');
      const update = await updateOf(storage, message);
      const prefix = federationKeys.siteUpdates(message, SITE);
      for (const { key } of await collect(storage.federationStore.list(prefix))) {
        await storage.federationStore.delete(key);
      }
      await storage.siteStore(SITE).put(optimizerKey, state);
      return update.status === 'ok' ? update.weights?.sha256 : undefined;
    };

    const withState = await runNext(false);

    expect(withState).toMatch(/^[0-9a-f]{64}$/);
    expect(await runNext(false)).toBe(withState);
    expect(await runNext(true)).not.toBe(withState);
    // No round follows that would need the state of the last one.
    expect(
      await storage.siteStore(SITE).tryGet(siteKeys.optimizer({ campaign: 'aortic', stage: 'teacher', round: 2 })),
    ).toBeUndefined();
  });

  test('keeps the optimiser states of two rounds, whatever the number of rounds', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const kept = async () =>
      (await collect(storage.siteStore(SITE).list('checkpoints/' as SiteKey))).map(({ key }) => key);
    const of = (round: number) => siteKeys.optimizer({ campaign: 'aortic', stage: 'teacher', round });
    // Of a stage whose name continues this one's, and of a campaign with the same stage.
    const others = [
      siteKeys.optimizer({ campaign: 'aortic', stage: 'teacher/0001', round: 1 }),
      siteKeys.optimizer({ campaign: 'another', stage: 'teacher', round: 1 }),
    ];
    for (const key of others) await storage.siteStore(SITE).put(key, '');

    let base: Open['base'] = null;
    for (const round of [1, 2, 3, 5]) {
      const message = await openRound(storage, 'teacher', round, base, { rounds: 6 });
      expect(await run(message)).toBe('done');
      base = await commitUpdateOf(storage, message);
      if (round === 3) expect(await kept()).toEqual([...others, of(2), of(3)].sort());
    }

    // The site did not take part in the fourth round.
    expect(await kept()).toEqual([...others, of(3), of(5)].sort());
  });

  test('publishes a failed update without data, and does not run again', async () => {
    await uploadCase(storage, 'training', CASES[0], false);
    const message = await openRound(storage, 'teacher', 1);

    expect(await run(message)).toBe('failed');

    expect(await updateOf(storage, message)).toMatchObject({ status: 'failed', code: 'NO_DATA' });
    expect(await run(message)).toBe('already');
  });

  test.each(UNREADABLE)('skips a case %s, and names it only in the log of its site', async (_what, spoil) => {
    await uploadCase(storage, 'training', CASES[0], true);
    await uploadCase(storage, 'training', CASES[1], true);
    await spoil(CASES[0]);
    const message = await openRound(storage, 'teacher', 1);

    expect(await run(message)).toBe('done');

    expect(await updateOf(storage, message)).toMatchObject({ samples: 1, figures: { unreadable: 1 } });
    expect(await allText()).not.toContain('patient-');
    expect(running.logged.filter((line) => line.includes('case-left-out'))).toEqual([
      expect.stringContaining(CASES[0]),
    ]);
  });

  test.each(UNREADABLE)('answers without spending budget if DP-SGD finds only a case %s', async (_what, spoil) => {
    await uploadCase(storage, 'training', CASES[0], true);
    await spoil(CASES[0]);
    const training = { dpSgd: { clip: 1, noiseMultiplier: 1 } };
    const message = await openRound(storage, 'teacher', 1, null, { training });

    expect(await run(message)).toBe('failed');

    expect(await updateOf(storage, message)).toMatchObject({ status: 'failed', code: 'NO_DATA' });
    expect(await storage.siteStore(SITE).tryGet(siteKeys.ledger)).toBeUndefined();
    expect(await allText()).not.toContain(CASES[0]);
  });

  test('answers that its site must upgrade, without the case, if a newer release wrote the catalog', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const store = storage.siteStore(SITE);
    const { body } = await store.get(siteKeys.catalog(CASES[0]));
    await store.put(siteKeys.catalog(CASES[0]), Buffer.from(body).toString().replace('/1"', '/2"'));
    const message = await openRound(storage, 'teacher', 1);

    expect(await run(message)).toBe('failed');

    expect(await updateOf(storage, message)).toMatchObject({
      code: 'NEWER_SCHEMA',
      reason: `A document in the site's bucket was written by a newer release. Upgrade the deployment of site ${SITE}.`,
    });
    expect(await allText()).not.toContain(CASES[0]);
  });

  test('answers that its site must upgrade if a newer release wrote the plan', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const round = await openRound(storage, 'teacher', 1);
    await run(round);
    await commitUpdateOf(storage, round);
    const message = await openRound(storage, 'label', 1);
    const key = federationKeys.plan(message.campaign);
    const { body } = await storage.federationStore.get(key);
    await storage.federationStore.put(
      key,
      Buffer.from(body).toString().replace('fedcardio.plan/1', 'fedcardio.plan/2'),
    );

    expect(await run(message)).toBe('failed');

    expect(await updateOf(storage, message)).toMatchObject({
      code: 'NEWER_SCHEMA',
      reason: expect.stringMatching(/plan\.json was written by a newer release.* Upgrade the deployment of site /),
    });
  });

  test('publishes a failed update if no case is readable', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    await storage.siteStore(SITE).put(siteKeys.image('training', CASES[0]), 'not NIfTI');
    const message = await openRound(storage, 'teacher', 1);

    expect(await run(message)).toBe('failed');

    expect(await updateOf(storage, message)).toMatchObject({ status: 'failed', code: 'NO_DATA' });
    expect(await allText()).not.toContain(CASES[0]);
  });
});

describe('a GPU task', () => {
  test.each([
    ['the site has answered', async (message: GpuTaskMessage) => void (await run(message))],
    ['the site has failed', (message: GpuTaskMessage) => recordFailure(running.context, message, 'lost')],
    [
      'the round has closed',
      async (message: GpuTaskMessage) => void (await storage.federationStore.put(federationKeys.seal(message), '{}')),
    ],
    [
      'the campaign has ended',
      async (message: GpuTaskMessage) =>
        void (await storage.federationStore.put(federationKeys.outcome(message.campaign), '{}')),
    ],
  ])('does nothing when %s', async (_what, before) => {
    await uploadCase(storage, 'training', CASES[0], true);
    const message = await openRound(storage, 'teacher', 1);
    await before(message);
    const known = await allText();

    expect(await run(message)).toBe('already');

    expect(await allText()).toBe(known);
  });

  test('throws storage errors for a retry, and publishes nothing', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const message = await openRound(storage, 'teacher', 1);
    const tryGet = async () => {
      throw new FedcardioError('STORAGE', 'Cannot read: 503.');
    };

    const context = { ...running.context, federationStore: { ...storage.federationStore, tryGet } };
    await expect(runGpuTask(message, context)).rejects.toMatchObject({ code: 'STORAGE' });

    expect(await collect(storage.federationStore.list(federationKeys.siteUpdates(message, message.site)))).toEqual([]);
  });
});

describe('with a finished teacher', () => {
  beforeEach(async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    await trainAndCommit(2, await trainAndCommit(1, null));
  });

  test('writes pseudo-labels only for cases without a label, and only at the site', async () => {
    await uploadCase(storage, 'training', CASES[1], false);
    const message = await openRound(storage, 'label', 1);

    expect(await run(message)).toBe('done');

    const made = (await collect(storage.siteStore(SITE).list(siteKeys.ofEvent('pseudo-labels/')))).map(
      ({ key }) => key,
    );
    const classMap = siteKeys.pseudoLabel({ campaign: 'aortic', stage: 'label' }, 'calcification', CASES[1]);
    expect(made).toEqual([
      siteKeys.pseudoLabelReport({ campaign: 'aortic', stage: 'label' }, 'calcification', CASES[1]),
      classMap,
    ]);
    expect(await descriptionOf(classMap)).toBe(await originOf(siteKeys.image('training', CASES[1]), 'pseudo-label'));
    const update = await updateOf(storage, message);
    expect(update).toMatchObject({
      weights: null,
      figures: { 'calcification/unlabelled': 1, 'calcification/accepted': 1 },
    });
    expect(await allText()).not.toContain('patient-');
  });

  test('scores held-out cases, and stores predictions only at the site', async () => {
    await uploadCase(storage, 'evaluation', CASES[1], true);
    const message = await openRound(storage, 'evaluate', 1);

    expect(await run(message)).toBe('done');

    const update = await updateOf(storage, message);
    const scores = update.status === 'ok' ? update.scores : undefined;
    expect(scores).toEqual([
      {
        model: 'teacher',
        task: 'calcification',
        dice: [expect.any(Number)],
        hausdorff95: [expect.any(Number)],
        volumes: { truth: [expect.any(Number)], prediction: [expect.any(Number)] },
        volumeErrors: [expect.any(Number)],
        volumeErrorByTruth: expect.any(Number),
        falseVolumes: [],
        calibration: expect.any(Array),
      },
    ]);
    expect(scores?.[0]?.calibration?.reduce((sum, bin) => sum + bin.count, 0)).toBeGreaterThan(0);
    const key = siteKeys.prediction('aortic', 'teacher', 'calcification', CASES[1]);
    const image = readNifti((await storage.siteStore(SITE).get(siteKeys.image('evaluation', CASES[1]))).body);
    expect(readNifti((await storage.siteStore(SITE).get(key)).body)).toMatchObject({
      shape: image.shape,
      affine: image.affine,
    });
    expect(await descriptionOf(key)).toBe(await originOf(siteKeys.image('evaluation', CASES[1])));
    expect(await allText()).not.toContain('patient-');
  });

  test('scores the other held-out cases if one was removed', async () => {
    for (const id of CASES) await uploadCase(storage, 'evaluation', id, true);
    await storage.siteStore(SITE).delete(siteKeys.image('evaluation', CASES[0]));
    const message = await openRound(storage, 'evaluate', 1);

    expect(await run(message)).toBe('done');

    const scores = [{ dice: [expect.any(Number)] }];
    expect(await updateOf(storage, message)).toMatchObject({
      samples: 1,
      figures: { cases: 1, unreadable: 1 },
      scores,
    });
  });

  test('labels the other cases if one was removed', async () => {
    for (const id of ['patient-1', 'patient-2']) await uploadCase(storage, 'training', id, false);
    await storage.siteStore(SITE).delete(siteKeys.image('training', 'patient-1'));
    const message = await openRound(storage, 'label', 1);

    expect(await run(message)).toBe('done');

    const figures = { 'calcification/accepted': 1, 'calcification/unreadable': 1 };
    expect(await updateOf(storage, message)).toMatchObject({ figures });
  });

  test('publishes a failed update without held-out cases', async () => {
    const message = await openRound(storage, 'evaluate', 1);
    expect(await run(message)).toBe('failed');
    expect(await updateOf(storage, message)).toMatchObject({ status: 'failed', code: 'NO_DATA' });
  });
});

describe('a global model that was changed after its commit', () => {
  /** Flips a bit of the last value of a model, which stays a valid file. */
  async function tamper({ key }: NonNullable<Open['base']>): Promise<void> {
    const body = Buffer.from((await storage.federationStore.get(key)).body);
    body.writeUInt8((body.at(-4) ?? 0) ^ 1, body.length - 4);
    await storage.federationStore.put(key, body);
  }

  test('is not trained on', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    const base = await trainAndCommit(1, null);
    if (base) await tamper(base);
    const message = await openRound(storage, 'teacher', 2, base);

    expect(await run(message)).toBe('failed');

    expect(await updateOf(storage, message)).toMatchObject({
      code: 'BAD_WEIGHTS',
      reason: expect.stringContaining(`${base?.key} has SHA-256`),
    });
  });

  test('neither labels, nor is scored, exported or predicted with', async () => {
    await uploadCase(storage, 'training', CASES[0], true);
    await uploadCase(storage, 'training', CASES[1], false);
    const base = await trainAndCommit(2, await trainAndCommit(1, null));
    if (base) await tamper(base);

    for (const stage of ['label', 'evaluate']) {
      const message = await openRound(storage, stage, 1);
      expect(await run(message)).toBe('failed');
      expect(await updateOf(storage, message)).toMatchObject({ code: 'BAD_WEIGHTS' });
    }
    await expect(trainedModel(storage.federationStore, 'aortic', 'teacher')).rejects.toMatchObject({
      code: 'BAD_WEIGHTS',
      message: expect.stringContaining(String(base?.key)),
    });
  });
});

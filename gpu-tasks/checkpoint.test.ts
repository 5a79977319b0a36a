import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { FedcardioError } from '../lib/error.ts';
import { caseHash, federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, lineageSchema } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../lib/federation/tasks.ts';
import { intakeCase } from '../lib/intake/intake.ts';
import type { SiteStore, Stores } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { checkpointKey } from './checkpoint.ts';
import type { GpuTaskContext } from './context.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, SITE, stores, type TeacherOptions, updateOf, uploadCase } from './testing.ts';

const STEPS = 5;
const TRAINING = { steps: STEPS, checkpointSeconds: 100 };
const EVALUATE = { kind: 'evaluate', name: 'again', models: { teacher: 'teacher' } } as const;
let storage: Stores;
let message: GpuTaskMessage;

beforeEach(async () => {
  storage = stores();
  await uploadCase(storage, 'training', 'patient-1', true);
  await uploadCase(storage, 'training', 'patient-2', true);
  message = await openRound(storage, 'teacher', 1, null, { training: TRAINING });
});

/** Runs the GPU task at one minute per step. `stopAfter`: number of steps in this run until a stop is requested. */
async function run(options: { readonly stopAfter?: number; readonly context?: Partial<GpuTaskContext> } = {}) {
  const { context, steps, logged } = await gpuTaskContext(storage);
  let minutes = 0;
  let exitDeferred = false;
  const interruption = {
    get requested() {
      return exitDeferred && steps.length === options.stopAfter;
    },
    deferExit: () => {
      exitDeferred = true;
    },
  };
  const progress: GpuTaskContext['progress'] = (reported) => {
    minutes += 1;
    context.progress(reported);
  };
  const now = () => new Date(context.now().getTime() + minutes * 60_000);
  const { siteStore: checkpointStore = context.siteStore } = options.context ?? {};
  const own = { ...context, now, progress, interruption, checkpointStore, ...options.context };
  const result = await runGpuTask(message, own).catch((error: unknown) => (error as FedcardioError).code);
  const events = logged.map((line) => JSON.parse(line) as { readonly event: string; readonly step?: number });
  return { result, steps, events: events.filter(({ event }) => event !== 'memory') };
}

async function weightsOfUpdate() {
  const update = await updateOf(storage, message);
  return update.status === 'ok' ? update.weights?.sha256 : undefined;
}
const storedCheckpoint = () => storage.siteStore(SITE).tryGet(checkpointKey(message));
async function removeLabel(caseId: string): Promise<void> {
  const store = storage.siteStore(SITE);
  await store.delete(siteKeys.label('training', caseId, 'calcification'));
  await intakeCase({ store, site: SITE, tasks: DEFAULT_TASKS, now }, caseId);
}
/** The campaign is planned again under its name. */
async function startAgain(plan: TeacherOptions): Promise<void> {
  message = await openRound(storage, 'teacher', 1, null, plan);
}
async function deleteUpdate(): Promise<void> {
  for (const { key } of await collect(
    storage.federationStore.list(federationKeys.siteUpdates(message, message.site)),
  )) {
    await storage.federationStore.delete(key);
  }
}
const now = () => new Date(Date.UTC(2026, 0, 1));
/** The hash of an uninterrupted run's weights. */
async function uninterrupted() {
  expect(await run({ context: { now } })).toMatchObject({ result: 'done' });
  const weights = await weightsOfUpdate();
  await deleteUpdate();
  return weights;
}

describe('a training task', () => {
  test('writes checkpoints periodically, but none after the last step, and deletes them after its update', async () => {
    const { result, events } = await run();

    expect(result).toBe('done');
    expect(events).toMatchObject([2, 4].map((step) => ({ event: 'checkpoint-written', step })));
    expect(await storedCheckpoint()).toBeUndefined();
  });

  test('writes checkpoints though the clock was set back', async () => {
    let at = Date.UTC(2026, 0, 1);
    const now = () => {
      at -= 3_600_000;
      return new Date(at);
    };
    const { result, events } = await run({ context: { now } });

    expect(result).toBe('done');
    expect(events.filter(({ event }) => event === 'checkpoint-written').length).toBeGreaterThan(0);
  });

  test('writes no checkpoint in a short round', async () => {
    message = await openRound(storage, 'teacher', 1, null, { training: { steps: STEPS } });
    const written: string[] = [];
    const put: SiteStore['put'] = async (key, ...rest) => {
      written.push(key);
      return storage.siteStore(SITE).put(key, ...rest);
    };
    const deleted = async () => expect.unreachable();

    expect(
      await run({ context: { siteStore: (site) => ({ ...storage.siteStore(site), put, delete: deleted }) } }),
    ).toMatchObject({ result: 'done' });

    expect(written.filter((path) => path.includes('unfinished'))).toEqual([]);
  });

  test('stops on request, and publishes the same bytes when it is started again', async () => {
    const expected = await uninterrupted();

    expect(await run({ stopAfter: 1 })).toMatchObject({ result: 'INTERRUPTED', steps: [1] });
    expect(await collect(storage.federationStore.list(federationKeys.siteUpdates(message, message.site)))).toEqual([]);
    expect(await run({ stopAfter: 2 })).toMatchObject({ result: 'INTERRUPTED', steps: [2, 3] });
    const last = await run();

    expect(last).toMatchObject({ result: 'done', steps: [4, 5] });
    expect(last.events[0]).toMatchObject({ event: 'resumed', step: 3 });
    expect(await weightsOfUpdate()).toBe(expected);
    expect(await storedCheckpoint()).toBeUndefined();
  });

  test('resumes after a crash from its last checkpoint, with its original cases', async () => {
    const expected = await uninterrupted();
    const crash: GpuTaskContext['progress'] = ({ done }) => {
      if (done === 4) throw new FedcardioError('STORAGE', 'The connection was lost.');
    };
    let clock = Date.UTC(2026, 0, 1);
    const now = () => {
      clock += 50_000;
      return new Date(clock);
    };
    expect(await run({ context: { progress: crash, now } })).toMatchObject({ result: 'STORAGE' });
    await uploadCase(storage, 'training', 'patient-3', true);

    const { result, steps } = await run();

    expect({ result, samples: await updateOf(storage, message) }).toMatchObject({
      result: 'done',
      samples: { samples: 2 },
    });
    expect(steps[0]).toBeGreaterThan(1);
    expect(await weightsOfUpdate()).toBe(expected);
  });

  test.each([
    ['another case of it is left', ['patient-2'], 'patient-1'],
    ['the site has got another case', ['patient-1', 'patient-2'], 'patient-3'],
  ])('starts again, and names its cases, if one of its checkpoint has lost its label and %s', async (_, lost, left) => {
    await run({ stopAfter: 3 });
    for (const id of lost) await removeLabel(id);
    await uploadCase(storage, 'training', left, true);

    const { result, steps, events } = await run({ context: { now } });

    expect({ result, steps }).toEqual({ result: 'done', steps: [1, 2, 3, 4, 5] });
    expect(events[0]).toMatchObject({ event: 'checkpoint-ignored' });
    expect(await storedCheckpoint()).toBeUndefined();
    const lineage = await readJson(storage.siteStore(SITE), siteKeys.lineage(message), lineageSchema);
    expect(lineage.value.updates.map(({ cases }) => cases)).toEqual([{ training: [caseHash(left)] }]);
    const weights = await weightsOfUpdate();
    await deleteUpdate();
    expect(await uninterrupted()).toBe(weights);
  });

  test('finishes if it is asked to stop after its last step', async () => {
    expect(await run({ stopAfter: STEPS })).toMatchObject({ result: 'done' });
  });

  test.each<readonly [string, () => Promise<unknown>]>([
    ['of another campaign with the same name', () => startAgain({ training: { ...TRAINING, learningRate: 1e-3 } })],
    ['of a plan that only another stage tells apart', () => startAgain({ training: TRAINING, more: [EVALUATE] })],
    ['of a plan that held no cases back', () => startAgain({ training: TRAINING, validation: { share: 0.5 } })],
    ['that is damaged', () => storage.siteStore(SITE).put(checkpointKey(message), 'not safetensors')],
  ])('starts again if there is a checkpoint %s', async (_, change) => {
    await run({ stopAfter: 2 });
    await change();

    const { result, steps, events } = await run();

    expect({ result, steps }).toEqual({ result: 'done', steps: [1, 2, 3, 4, 5] });
    expect(events[0]).toMatchObject({ event: 'checkpoint-ignored' });
  });

  test('continues if a checkpoint cannot be written', async () => {
    const put: SiteStore['put'] = async (key, ...rest) => {
      if (key === checkpointKey(message)) throw new FedcardioError('STORAGE', 'Cannot write: 503.');
      return storage.siteStore(SITE).put(key, ...rest);
    };

    const { result, events } = await run({ context: { siteStore: (site) => ({ ...storage.siteStore(site), put }) } });

    expect(result).toBe('done');
    expect(events[0]).toMatchObject({ event: 'checkpoint-failed', step: 2, reason: 'Cannot write: 503.' });
  });
});

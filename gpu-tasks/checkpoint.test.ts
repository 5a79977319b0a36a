import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { FedcardioError } from '../lib/error.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import type { SiteStore, Stores } from '../lib/storage/contract.ts';
import type { GpuTaskContext } from './context.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';
import { unfinishedKey } from './unfinished.ts';

const STEPS = 5;
let storage: Stores;
let message: GpuTaskMessage;

beforeEach(async () => {
  storage = stores();
  await uploadCase(storage, 'training', 'patient-1', true);
  await uploadCase(storage, 'training', 'patient-2', true);
  message = await openRound(storage, 'teacher', 1, null, { training: { steps: STEPS, checkpointSeconds: 100 } });
});

/** Runs the task at a site whose steps take a minute, and where somebody may want it to stop after one of them. */
async function run(options: { readonly stopAfter?: number; readonly context?: Partial<GpuTaskContext> } = {}) {
  const { context, steps, logged } = await gpuTaskContext(storage);
  let minutes = 0;
  let held = false;
  const interruption = {
    get requested() {
      return held && steps.length === options.stopAfter;
    },
    hold: () => {
      held = true;
    },
  };
  const progress: GpuTaskContext['progress'] = (reported) => {
    minutes += 1;
    context.progress(reported);
  };
  const now = () => new Date(context.now().getTime() + minutes * 60_000);
  const result = await runGpuTask(message, { ...context, now, progress, interruption, ...options.context }).catch(
    (error: unknown) => (error as FedcardioError).code,
  );
  const events = logged.map((line) => JSON.parse(line) as { readonly event: string; readonly step?: number });
  return { result, steps, events: events.filter(({ event }) => event !== 'memory') };
}

async function weightsOfUpdate() {
  const update = await updateOf(storage, message);
  return update.status === 'ok' ? update.weights?.sha256 : undefined;
}
const unfinished = () => storage.siteStore(SITE).tryGet(unfinishedKey(message));
async function forgetUpdate(): Promise<void> {
  for (const { key } of await collect(storage.federationStore.list(federationKeys.updates(message)))) {
    await storage.federationStore.delete(key);
  }
}
/** Where an undisturbed run ends. */
async function undisturbed() {
  expect(await run({ context: { now: () => new Date(Date.UTC(2026, 0, 1)) } })).toMatchObject({ result: 'done' });
  const weights = await weightsOfUpdate();
  await forgetUpdate();
  return weights;
}

describe('a training task', () => {
  test('keeps where it is from time to time, but not at the end, and nothing once its update is out', async () => {
    const { result, events } = await run();

    expect(result).toBe('done');
    expect(events).toMatchObject([2, 4].map((step) => ({ event: 'checkpoint-written', step })));
    expect(await unfinished()).toBeUndefined();
  });

  test('of a short round keeps nothing', async () => {
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

  test('that is told to stop leaves, and comes to the same bytes when it is started again', async () => {
    const expected = await undisturbed();

    expect(await run({ stopAfter: 1 })).toMatchObject({ result: 'INTERRUPTED', steps: [1] });
    expect(await collect(storage.federationStore.list(federationKeys.updates(message)))).toEqual([]);
    expect(await run({ stopAfter: 2 })).toMatchObject({ result: 'INTERRUPTED', steps: [2, 3] });
    const last = await run();

    expect(last).toMatchObject({ result: 'done', steps: [4, 5] });
    expect(last.events[0]).toMatchObject({ event: 'resumed', step: 3 });
    expect(await weightsOfUpdate()).toBe(expected);
    expect(await unfinished()).toBeUndefined();
  });

  test('that dies goes on from its last checkpoint, with the cases that it began with', async () => {
    const expected = await undisturbed();
    const dies: GpuTaskContext['progress'] = ({ done }) => {
      if (done === 4) throw new FedcardioError('STORAGE', 'The connection is gone.');
    };
    let clock = Date.UTC(2026, 0, 1);
    const now = () => {
      clock += 50_000;
      return new Date(clock);
    };
    expect(await run({ context: { progress: dies, now } })).toMatchObject({ result: 'STORAGE' });
    await uploadCase(storage, 'training', 'patient-3', true);

    const { result, steps } = await run();

    expect({ result, samples: await updateOf(storage, message) }).toMatchObject({
      result: 'done',
      samples: { samples: 2 },
    });
    expect(steps[0]).toBeGreaterThan(1);
    expect(await weightsOfUpdate()).toBe(expected);
  });

  test('told to stop after its last step finishes', async () => {
    expect(await run({ stopAfter: STEPS })).toMatchObject({ result: 'done' });
  });

  test.each<readonly [string, () => Promise<unknown>]>([
    [
      'of another campaign of the same name',
      async () => {
        message = { ...message, seed: message.seed + 1 };
      },
    ],
    ['that is damaged', () => storage.siteStore(SITE).put(unfinishedKey(message), 'no tensors')],
  ])('begins anew beside a checkpoint %s', async (_, change) => {
    await run({ stopAfter: 2 });
    await change();

    const { result, steps, events } = await run();

    expect({ result, steps }).toEqual({ result: 'done', steps: [1, 2, 3, 4, 5] });
    expect(events[0]).toMatchObject({ event: 'checkpoint-ignored' });
  });

  test('that cannot write a checkpoint goes on', async () => {
    const put: SiteStore['put'] = async (key, ...rest) => {
      if (key === unfinishedKey(message)) throw new FedcardioError('STORAGE', 'Cannot write: 503.');
      return storage.siteStore(SITE).put(key, ...rest);
    };

    const { result, events } = await run({ context: { siteStore: (site) => ({ ...storage.siteStore(site), put }) } });

    expect(result).toBe('done');
    expect(events[0]).toMatchObject({ event: 'checkpoint-failed', step: 2, reason: 'Cannot write: 503.' });
  });
});

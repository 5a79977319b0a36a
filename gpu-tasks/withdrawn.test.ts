import { beforeEach, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { caseHash, federationKeys, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, lineageSchema } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../lib/federation/tasks.ts';
import { caseHistory } from '../lib/intake/lineage.ts';
import { withdraw } from '../lib/intake/withdraw.ts';
import type { SiteStore, Stores } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import { asSiteRole } from '../test/helpers/roles.ts';
import { checkpointKey } from './checkpoint.ts';
import type { GpuTaskContext } from './context.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { commitUpdateOf, gpuTaskContext, openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';

let storage: Stores;
let message: GpuTaskMessage;
let store: SiteStore;

beforeEach(async () => {
  storage = stores();
  store = storage.siteStore(SITE);
  for (const id of ['p1', 'p2', 'p3']) await uploadCase(storage, 'training', id, true);
  await uploadCase(storage, 'evaluation', 'h1', true);
  await uploadCase(storage, 'evaluation', 'h2', true);
  message = await openRound(storage, 'teacher', 1, null, { rounds: 1, training: { steps: 3 } });
});

const takeOut = (caseId: string) => {
  const { federationStore, siteStore } = asSiteRole(storage, SITE, 'withdraw');
  const context = {
    store: siteStore(SITE),
    site: SITE,
    tasks: DEFAULT_TASKS,
    now: () => new Date(),
    newId: () => 'f'.repeat(32),
  };
  return withdraw(context, federationStore, { caseId });
};

/** Runs the GPU task. `onStep` is called after each step of training, or case of another stage. */
async function run(
  onStep: (done: number) => Promise<unknown> = async () => undefined,
  more: Partial<GpuTaskContext> = {},
) {
  const { context, logged, steps } = await gpuTaskContext(storage);
  let pending: Promise<unknown> = Promise.resolve();
  const result = await runGpuTask(message, {
    ...context,
    ...more,
    progress: (progress) => {
      context.progress(progress);
      pending = pending.then(() => onStep(steps.length));
    },
    siteStore: (site) => {
      const own = context.siteStore(site);
      // What a step has begun ends before the task goes on with the site's bucket.
      const settled =
        <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
        async (...args: A) => {
          await pending;
          return work(...args);
        };
      return { ...own, put: settled(own.put), tryGet: settled(own.tryGet) };
    },
  }).catch((error: unknown) => (error as { readonly code: string }).code);
  return { result, steps, events: logged.map((line) => JSON.parse(line).event as string) };
}

const ledger = async () => (await readJson(store, siteKeys.lineage(message), lineageSchema)).value.updates;
const hashes = (...ids: string[]) => ids.map(caseHash).sort();

test('the ledger names the cases behind the update before it leaves', async () => {
  await run();

  const [entry, ...more] = await ledger();
  const update = await updateOf(storage, message);
  expect(more).toEqual([]);
  expect(entry?.cases).toEqual({ training: hashes('p1', 'p2', 'p3') });
  expect(update).toMatchObject({ weights: { sha256: entry?.weights?.sha256 } });
  const [stored] = await collect(storage.federationStore.list(entry?.update.key as never));
  expect(stored?.bytes).toBe(entry?.update.bytes);
});

test('stages without training record what they labelled and scored', async () => {
  await uploadCase(storage, 'training', 'p4', false);
  await run();
  await commitUpdateOf(storage, message);

  message = await openRound(storage, 'label', 1);
  await run();
  const labelled = await ledger();
  message = await openRound(storage, 'evaluate', 1);
  await run();

  expect(labelled.map(({ cases, weights }) => ({ cases, weights }))).toEqual([
    { cases: { 'pseudo-label': hashes('p4') }, weights: null },
  ]);
  expect((await ledger())[0]?.cases).toEqual({ evaluation: hashes('h1', 'h2') });
});

test('a training starts again without a case that is withdrawn while it runs, and publishes once', async () => {
  const { result, events, steps } = await run((step) => (step === 2 ? takeOut('p2') : Promise.resolve()));

  expect({ result, steps }).toEqual({ result: 'done', steps: [1, 2, 3, 1, 2, 3] });
  expect(events).toContain('case-withdrawn');
  const update = await updateOf(storage, message);
  expect(update).toMatchObject({ samples: 2 });
  const published = (await ledger()).filter(
    ({ weights }) => update.status === 'ok' && weights?.sha256 === update.weights?.sha256,
  );
  expect(published.map(({ cases }) => cases.training)).toEqual([hashes('p1', 'p3')]);
  const sent = await collect(storage.federationStore.list(federationKeys.siteUpdates(message, SITE)));
  expect(sent).toHaveLength(2);
});

test('a checkpoint that a withdrawn case is in is not resumed', async () => {
  message = await openRound(storage, 'teacher', 1, null, { rounds: 1, training: { steps: 3 } });
  let requested = false;
  const interruption = {
    get requested() {
      return requested;
    },
    deferExit: () => undefined,
  };
  const stopped = await run(
    async () => {
      requested = true;
    },
    { interruption },
  );
  const checkpoint = await store.get(checkpointKey(message));
  await takeOut('p1');
  const isErased = (await store.tryGet(checkpointKey(message))) === undefined;
  // As a run that was still writing when the case was withdrawn.
  await store.put(checkpointKey(message), checkpoint.body);

  const { result, steps, events } = await run();

  expect({ stopped: stopped.result, isErased }).toEqual({ stopped: 'INTERRUPTED', isErased: true });
  expect({ result, steps }).toEqual({ result: 'done', steps: [1, 2, 3] });
  expect(events).toContain('checkpoint-ignored');
  expect(await store.tryGet(checkpointKey(message))).toBeUndefined();
  expect(await updateOf(storage, message)).toMatchObject({ samples: 2 });
});

test('a case that was withdrawn and uploaded again before the round counts, and does not stop it', async () => {
  await takeOut('p1');
  await uploadCase(storage, 'training', 'p1', true);

  const { result, steps } = await run();

  expect({ result, steps }).toEqual({ result: 'done', steps: [1, 2, 3] });
  expect(await updateOf(storage, message)).toMatchObject({ samples: 3 });
});

test('a withdrawal after the round finds the update, and nothing in the bucket names the case', async () => {
  await run();

  const { history, notified } = await takeOut('p2');

  const update = await updateOf(storage, message);
  const named = update.status === 'ok' ? update.weights?.sha256 : undefined;
  expect({ notified, weights: history.updates.map(({ weights }) => weights?.sha256) }).toEqual({
    notified: 1,
    weights: [named],
  });
  expect((await caseHistory(store, 'p2')).updates).toHaveLength(1);
  const keys = await collect(store.versions('' as SiteKey));
  const bodies = await Promise.all(
    keys
      .filter(({ isLatest, isMarker }) => isLatest && !isMarker)
      .map(async ({ key }) => Buffer.from((await store.get(key)).body).toString('latin1')),
  );
  expect(
    [...keys.map(({ key }) => key), ...bodies].filter(
      (text) => /(?<![A-Za-z0-9])p2(?![A-Za-z0-9])/.test(text) && text.length < 5000,
    ),
  ).toEqual([]);
});

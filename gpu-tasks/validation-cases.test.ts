import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import type { GpuTaskMessage, Open, Update } from '../lib/federation/schemas.ts';
import { TASKS } from '../lib/federation/tasks.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { validationCases } from '../lib/training/validation-split.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { commitUpdateOf, gpuTaskContext, openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';

const LABELLED = ['p1', 'p2', 'p3', 'p4', 'p5'];
const UNLABELLED = ['p6', 'p7'];
const VALIDATION = { share: 0.4 };
const HELD_BACK = validationCases(
  LABELLED.map((id) => ({
    case: id,
    labels: { calcification: { key: '' as SiteKey, etag: '', format: 'class-map' as const, classes: { 1: 1 } } },
  })),
  { seed: 1, share: VALIDATION.share, tasks: [TASKS.calcification] },
);

let storage: Stores;
let read: Set<string>;

beforeEach(async () => {
  storage = stores();
  read = new Set();
  for (const id of [...LABELLED, ...UNLABELLED]) await uploadCase(storage, 'training', id, LABELLED.includes(id));
  await uploadCase(storage, 'evaluation', 'held-1', true);
});

/** Runs the site's GPU task and notes which CTs and labels it reads. */
async function run(message: GpuTaskMessage): Promise<Update> {
  const { context } = await gpuTaskContext(storage);
  const siteStore: typeof context.siteStore = (site) => {
    const store = context.siteStore(site);
    const tryGet: typeof store.tryGet = (key) => {
      read.add(key);
      return store.tryGet(key);
    };
    return { ...store, tryGet };
  };
  await runGpuTask(message, { ...context, siteStore });
  return updateOf(storage, message);
}

/** Ids of the cases whose CT was read. */
const casesRead = () => [...read].flatMap((key) => /^(?:cases|held-out)\/(.+)\/image/.exec(key)?.[1] ?? []).sort();
const open = (stage: string, base: Open['base'] = null, validation: { share: number } | undefined = VALIDATION) =>
  openRound(storage, stage, 1, base, { rounds: 1, validation, training: { steps: 12 } });

async function trainAndCommit(): Promise<void> {
  const message = await open('teacher');
  await run(message);
  await commitUpdateOf(storage, message);
  read.clear();
}

describe('cases that a campaign holds back for validation', () => {
  test('are not trained on', async () => {
    const update = await run(await open('teacher'));

    expect(HELD_BACK.size).toBe(2);
    expect(casesRead()).toEqual(LABELLED.filter((id) => !HELD_BACK.has(id)));
    expect(update).toMatchObject({ status: 'ok', samples: 3 });
  });

  test('get no pseudo-labels', async () => {
    await trainAndCommit();

    await run(await open('label'));

    expect(casesRead()).toEqual(UNLABELLED);
    const labelled = await collect(storage.siteStore(SITE).list(siteKeys.derivedPrefixes[0] as SiteKey));
    expect(labelled.filter(({ key }) => [...HELD_BACK].some((id) => key.includes(id)))).toEqual([]);
  });

  test('are all that an evaluation of validation cases scores', async () => {
    await trainAndCommit();

    const update = await run(await open('validate'));

    expect(casesRead()).toEqual([...HELD_BACK].sort());
    expect(update).toMatchObject({ status: 'ok', samples: 2, figures: { cases: 2 } });
  });

  test('are not scored by an evaluation of held-out cases', async () => {
    await trainAndCommit();

    const update = await run(await open('evaluate'));

    expect(casesRead()).toEqual(['held-1']);
    expect(update).toMatchObject({ status: 'ok', samples: 1 });
  });
});

test('a site with too few labelled cases to hold one back sends no scores of validation cases', async () => {
  for (const id of LABELLED.slice(1)) await storage.siteStore(SITE).delete(siteKeys.catalog(id));
  await trainAndCommit();

  const update = await run(await open('validate'));

  expect(update).toMatchObject({ status: 'failed', code: 'NO_DATA' });
});

test('without validation, a campaign trains on every labelled case', async () => {
  await run(await openRound(storage, 'teacher', 1, null, { rounds: 1, training: { steps: 12 } }));

  expect(casesRead()).toEqual(LABELLED);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../federation/keys.ts';
import { TASKS } from '../federation/tasks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import type { ObjectStore, OpenBucket } from '../storage/contract.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { intakeCases } from './intake.ts';
import { createSummaryCache } from './summary.ts';
import { calcium, hingeMap, image, PNG, POINTS, type World, world } from './testing.ts';

/** Buckets in memory that record their requests. */
function counting() {
  const calls: string[] = [];
  const counted = wrapBuckets(
    createMemoryStorage(),
    (store) =>
      new Proxy(store, {
        get: (target, name: keyof ObjectStore) => {
          const f = target[name];
          if (typeof f !== 'function') return f;
          return (...args: unknown[]) => {
            calls.push(`${name} ${String(args[0])}`);
            return (f as (...args: unknown[]) => unknown)(...args);
          };
        },
      }),
  );
  return { counted, calls };
}

describe('the same event again', () => {
  test('changes nothing and reads no volume', async () => {
    const { counted, calls } = counting();
    const { put, look, count } = world(counted);
    const cache = createSummaryCache();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', calcium());
    await look('p7');
    await count(cache);
    calls.length = 0;

    await look('p7');
    await count(cache);

    expect(calls.filter((call) => /^(put|delete)/.test(call))).toEqual(['put sites/berlin/summary.json']);
    expect(calls.filter((call) => /image\.nii|labels/.test(call))).toEqual([]);
  });

  test('a bad image is read once, and its rejection is not written again', async () => {
    const { counted, calls } = counting();
    const { put, look } = world(counted);
    await put('cases/p7/image.nii.gz', PNG);
    calls.length = 0;
    await look('p7');
    expect(calls.filter((call) => call.startsWith('getRange'))).toHaveLength(1);
    calls.length = 0;
    await look('p7');
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
  });

  test('a catalog entry that cannot be read is made anew', async () => {
    const { put, look, catalog } = world();
    await put('cases/p7/image.nii.gz', image());
    await put(siteKeys.catalog('p7'), '{"schema":"fedcardio.catalog/0"}');
    await look('p7');
    expect(await catalog('p7')).toBeDefined();
  });
});

test('a failure of storage is no reason to reject', async () => {
  const failing = wrapBuckets(createMemoryStorage(), (store) => ({
    ...store,
    getRange: () => Promise.reject(new Error('connection reset')),
  }));
  const { put, look, rejected } = world(failing);
  await put('cases/p7/image.nii.gz', image());
  await expect(look('p7')).rejects.toThrow('connection reset');
  expect(await rejected('p7')).toBeUndefined();
});

test('the summary counts cases and labels by use, and reads each entry once', async () => {
  const { counted, calls } = counting();
  const { put, look, summary, count } = world(counted);
  const cache = createSummaryCache();
  for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));
  await put('held-out/p4/image.nii.gz', image(9));
  await put('cases/p5/image.nii.gz', PNG);
  await put('cases/p1/labels/calcification.nii.gz', calcium());
  await put('cases/p2/labels/hinge-points.nii.gz', hingeMap());
  await put('held-out/p4/labels/calcification.nii.gz', calcium());
  // Scored, but nothing to learn from: around the points that were not placed, nothing is known.
  const some = writeMarkups([{ label: 1, position: POINTS[0]!.position }], TASKS['membranous-septum'].classes);
  for (const folder of ['cases/p1', 'held-out/p4']) await put(`${folder}/labels/membranous-septum.mrk.json`, some);
  for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await look(id);
  await count(cache);

  const none = { 'hinge-points': 0, 'membranous-septum': 0, calcification: 0, 'coronary-arteries': 0 };
  expect(await summary()).toMatchObject({
    site: 'berlin',
    cases: { training: 3, evaluation: 1, rejected: 1 },
    labelled: { ...none, calcification: 1, 'hinge-points': 1 },
    labelledEvaluation: { ...none, calcification: 1, 'membranous-septum': 1 },
  });

  await put('cases/p3/labels/calcification.nii.gz', calcium());
  await look('p3');
  calls.length = 0;
  await count(cache);
  expect((await summary()).labelled.calcification).toBe(2);
  expect(calls.filter((call) => call.startsWith('tryGet catalog/'))).toEqual(['tryGet catalog/p3.json']);
});

test('many at once, on uploads in any order, leave what one alone would find', async () => {
  const uploads: readonly (readonly [string, string, Uint8Array | string])[] = [
    ['p1', 'cases/p1/labels/calcification.nii.gz', calcium()],
    ['p1', 'cases/p1/image.nii.gz', PNG],
    ['p1', 'cases/p1/image.nii.gz', image(1)],
    ['p1', 'cases/p1/labels/hinge-points.mrk.json', '{'],
    ['p2', 'cases/p2/image.nii.gz', image(2)],
    ['p2', 'cases/p2/labels/hinge-points.nii.gz', hingeMap()],
    ['p3', 'held-out/p3/image.nii.gz', image(3)],
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...uploads.keys()], { minLength: uploads.length }),
      fc.scheduler(),
      async (order, scheduler) => {
        const memory = createMemoryStorage();
        const { context, put, count } = world(scheduled(memory, scheduler));
        const handlers = order.map(async (index, turn) => {
          const [caseId, key, body] = uploads[index] as (typeof uploads)[number];
          await put(key, body);
          // Alone, and as one of a batch, whose cases share their listings.
          await intakeCases(context, turn % 2 === 0 ? [caseId] : ['p1', 'p2', 'p3']);
          await count();
        });
        await scheduler.waitFor(Promise.all(handlers));

        const busy = world(memory);
        const left = await snapshot(busy);
        const quiet = world();
        for (const folder of ['cases/', 'held-out/']) {
          for await (const { key } of busy.store.list(siteKeys.ofEvent(folder))) {
            await quiet.put(key, (await busy.store.get(key)).body);
          }
        }
        for (const id of ['p1', 'p2', 'p3']) await quiet.look(id);
        await quiet.count();
        expect(left).toEqual(await snapshot(quiet));
      },
    ),
    { numRuns: 30 },
  );
});

test('of the same volume as two cases at once, one is cataloged and the other rejected', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const memory = createMemoryStorage();
      const { look } = world(scheduled(memory, scheduler));
      const { put, catalog, rejected } = world(memory);
      for (const id of ['p1', 'p2']) await put(`cases/${id}/image.nii.gz`, image());

      await scheduler.waitFor(Promise.all(['p1', 'p2', 'p1'].map(look)));

      const found = await Promise.all(['p1', 'p2'].map(async (id) => [await catalog(id), await rejected(id)]));
      expect(found.filter(([entry, fault]) => entry && !fault)).toHaveLength(1);
      expect(found.filter(([entry, fault]) => !entry && fault)).toHaveLength(1);
    }),
    { numRuns: 50 },
  );
});

/** Buckets whose every call waits for its turn, so that fast-check can interleave the handlers. */
function scheduled(openBucket: OpenBucket, scheduler: fc.Scheduler): OpenBucket {
  const slow =
    <A extends unknown[], R>(f: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      await scheduler.schedule(Promise.resolve());
      return f(...args);
    };
  return wrapBuckets(openBucket, (store) => ({
    ...store,
    put: slow(store.put),
    tryGet: slow(store.tryGet),
    putIfAbsent: slow(store.putIfAbsent),
    delete: slow(store.delete),
    getRange: slow(store.getRange),
    head: slow(store.head),
    list: async function* (prefix) {
      await scheduler.schedule(Promise.resolve());
      yield* store.list(prefix);
    },
  }));
}

/** What intake wrote, without the times of writing. */
async function snapshot({ store, federationStore }: World) {
  const found: Record<string, unknown> = {};
  const note = async <K extends string>(of: ObjectStore<K>, prefix: K) => {
    for await (const { key } of of.list(prefix)) {
      const { at: _, ...rest } = JSON.parse(Buffer.from((await of.get(key)).body).toString());
      found[key] = rest;
    }
  };
  await note(store, siteKeys.catalogPrefix);
  await note(store, siteKeys.rejectedPrefix);
  await note(federationStore, federationKeys.summaryPrefix);
  return found;
}

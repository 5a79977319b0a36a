import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { intakeCases } from './intake.ts';
import { createSummaryCache, type SummaryCache } from './summary.ts';
import { calcium, image, PNG, recordedBuckets, scheduled, snapshot, testSite } from './testing.ts';

const IDS = ['p1', 'p2', 'p3', 'p4'];

describe('a process that is alone', () => {
  test.each([3, 30])('counts a batch in one request beside %s cases', async (cases) => {
    const { openBucket, calls } = recordedBuckets();
    const { put, remove, batch, summary } = testSite(openBucket);
    const cache = createSummaryCache();
    const ids = Array.from({ length: cases }, (_, i) => `q${i}`);
    for (const [i, id] of ids.entries()) await put(`cases/${id}/image.nii.gz`, image(i));
    await batch(cache, ids);
    await put('cases/p1/image.nii.gz', image(100));
    await put('cases/p1/labels/calcification.nii.gz', calcium());
    await put('cases/p2/image.nii.gz', PNG);
    calls.length = 0;

    await batch(cache, ['p1', 'p2']);

    expect(calls.filter((call) => /sites\/|catalog\/$|rejected\/$/.test(call))).toEqual([
      'put sites/berlin/summary.json',
    ]);
    expect(await summary()).toMatchObject({
      cases: { training: cases + 1, evaluation: 0, rejected: 1 },
      labelled: { calcification: 1 },
    });

    await remove('cases/p1/image.nii.gz');
    await put('cases/p2/image.nii.gz', image(101));
    await batch(cache, ['p1', 'p2']);
    expect(await summary()).toMatchObject({
      cases: { training: cases + 1, rejected: 0 },
      labelled: { calcification: 0 },
    });
  });

  test.each([
    ['another process counts', (other: Other) => other.batch(createSummaryCache(), ['p1'])],
    [
      'a case fails',
      async (_: Other, cache: SummaryCache, { batch, context }: Other) => {
        const results = new Map([...(await intakeCases(context, ['p2'])), ['p1', new Error('cut off')] as const]);
        await batch(cache, ['p1', 'p2'], async () => results);
      },
    ],
    [
      'a batch fails',
      async (_: Other, cache: SummaryCache, { batch }: Other) => {
        await expect(batch(cache, ['p1'], () => Promise.reject(new Error('cut off')))).rejects.toThrow('cut off');
      },
    ],
  ])('counts all again after %s', async (_, happens) => {
    const memory = createMemoryStorage();
    const site = testSite(memory);
    const cache = createSummaryCache();
    await site.put('cases/p2/image.nii.gz', image(2));
    await site.batch(cache, ['p2']);
    await site.put('cases/p1/image.nii.gz', image(1));
    await intakeCases(site.context, ['p1']);
    await happens(testSite(memory), cache, site);

    await site.batch(cache, []);

    expect((await site.summary()).cases).toEqual({ training: 2, evaluation: 0, rejected: 0 });
  });
});

type Other = ReturnType<typeof testSite>;

test('a process notices that another has counted other cases, even if they are as many', async () => {
  const memory = createMemoryStorage();
  const site = testSite(memory);
  const [first, second] = [createSummaryCache(), createSummaryCache()];
  for (const [i, id] of ['p3', 'p4', 'p5'].entries()) await site.put(`cases/${id}/image.nii.gz`, image(i));
  await site.batch(first, ['p3']);
  await site.remove('cases/p3/image.nii.gz');
  let isLate = false;
  const slow = wrapBuckets(memory, (store) => ({
    ...store,
    put: async (key, ...rest) => {
      // The first process counts between the second one's count and its write.
      if (String(key).endsWith('summary.json') && !isLate) {
        isLate = true;
        await site.batch(first, ['p5']);
      }
      return store.put(key, ...rest);
    },
  }));
  await testSite(slow).batch(second, ['p3', 'p4']);
  await site.put('cases/p4/labels/calcification.nii.gz', calcium());

  await site.batch(first, ['p4']);

  expect(await site.summary()).toMatchObject({ cases: { training: 2 }, labelled: { calcification: 1 } });
});

test('counts all once an hour, because a count may never have been written', async () => {
  const { put, batch, store, summary, pass } = testSite();
  const cache = createSummaryCache();
  for (const [i, id] of ['p1', 'p2'].entries()) await put(`cases/${id}/image.nii.gz`, image(i));
  await batch(cache, ['p1', 'p2']);
  // By somebody who was ended before he counted.
  await store.delete(siteKeys.catalog('p1'));
  await batch(cache, ['p2']);
  expect((await summary()).cases.training).toBe(2);

  pass(3_600_000);
  await batch(cache, ['p2']);

  expect((await summary()).cases.training).toBe(1);
});

test('a task that the federation has no longer is not counted', async () => {
  const { context, put, batch, summary } = testSite();
  const cache = createSummaryCache();
  await put('cases/p1/image.nii.gz', image());
  await put('cases/p1/labels/calcification.nii.gz', calcium());
  await batch(cache, ['p1']);
  expect((await summary()).labelled).toHaveProperty('calcification', 1);

  (context as { tasks: typeof context.tasks }).tasks = context.tasks.filter(({ id }) => id !== 'calcification');
  await batch(cache, []);

  expect((await summary()).labelled).not.toHaveProperty('calcification');
});

test('a full count reads only entries that the process has neither written nor read', async () => {
  const { openBucket, calls } = recordedBuckets();
  const site = testSite(openBucket);
  const cache = createSummaryCache();
  for (const [i, id] of ['p1', 'p2'].entries()) await site.put(`cases/${id}/image.nii.gz`, image(i));
  await site.batch(cache, ['p1']);
  await site.reconcile('p2');
  calls.length = 0;

  await site.summarize(cache);

  expect(calls.filter((call) => /get.* catalog/i.test(call))).toEqual(['tryGet catalog/p2.json']);
});

test('an entry that only a newer release can read is not counted, and stops no other', async () => {
  const { put, reconcile, summarize, summary } = testSite();
  await put('cases/p1/image.nii.gz', image());
  await reconcile('p1');
  await put(siteKeys.catalog('p2'), '{"schema":"fedcardio.catalog/2"}');

  await summarize();

  expect((await summary()).cases.training).toBe(1);
});

test('processes and their calls, at the same time and in any order, leave the summary of a single count', async () => {
  const upload = fc.record({
    process: fc.nat(1),
    cases: fc.subarray(IDS, { minLength: 1 }),
    change: fc.constantFrom('image', 'held-out', 'bad', 'removed', 'label'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(upload, { minLength: 1, maxLength: 6 }), fc.scheduler(), async (uploads, scheduler) => {
      const memory = createMemoryStorage();
      const { context, put, remove, batch } = testSite(scheduled(memory, scheduler));
      const caches = [createSummaryCache(), createSummaryCache()];
      const work = uploads.map(async ({ process, cases, change }, turn) => {
        for (const id of cases) {
          const key = `${change === 'held-out' ? 'held-out' : 'cases'}/${id}/image.nii.gz`;
          if (change === 'removed') await remove(key);
          else if (change === 'label') await put(`cases/${id}/labels/calcification.nii.gz`, calcium());
          else await put(key, change === 'bad' ? PNG : image(turn));
        }
        await batch(caches[process] as SummaryCache, cases, () => intakeCases(context, cases));
      });
      await scheduler.waitFor(Promise.all(work));

      const site = testSite(memory);
      const actual = await snapshot(site);
      await site.summarize();
      expect(actual).toEqual(await snapshot(site));
      // What is left in the caches is right, too: the cases, not their number alone.
      for (const [i, cache] of caches.entries()) {
        const id = IDS[i] as string;
        for (const folder of ['cases', 'held-out']) await site.remove(`${folder}/${id}/image.nii.gz`);
        await site.batch(cache, [id]);
        const left = Object.keys(await snapshot(site)).filter((key) => key.startsWith('catalog/'));
        const { training, evaluation } = (await site.summary()).cases;
        expect(training + evaluation).toBe(left.length);
      }
    }),
    { numRuns: 60 },
  );
});

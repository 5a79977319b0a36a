import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { siteKeys } from '../federation/keys.ts';
import { TASKS } from '../federation/tasks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import type { ObjectStore } from '../storage/contract.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { faultOfObject } from './faults.ts';
import { intakeCases, rejectStray } from './intake.ts';
import { createSummaryCache } from './summary.ts';
import { calcium, hingeMap, image, PNG, POINTS, recordedBuckets, scheduled, snapshot, testSite } from './testing.ts';

describe('a repeated event', () => {
  test('changes nothing and reads no volume', async () => {
    const { openBucket, calls } = recordedBuckets();
    const { put, reconcile, summarize } = testSite(openBucket);
    const cache = createSummaryCache();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', calcium());
    await reconcile('p7');
    await summarize(cache);
    calls.length = 0;

    await reconcile('p7');
    await summarize(cache);

    expect(calls.filter((call) => /^(put|delete)/.test(call))).toEqual(['put sites/berlin/summary.json']);
    expect(calls.filter((call) => /image\.nii|labels/.test(call))).toEqual([]);
  });

  test('reads a bad image once, and does not write its rejection again', async () => {
    const { openBucket, calls } = recordedBuckets();
    const { put, reconcile } = testSite(openBucket);
    await put('cases/p7/image.nii.gz', PNG);
    calls.length = 0;
    await reconcile('p7');
    expect(calls.filter((call) => call.startsWith('getRange'))).toHaveLength(1);
    calls.length = 0;
    await reconcile('p7');
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([]);
  });

  test('replaces a catalog entry that cannot be parsed', async () => {
    const { put, reconcile, catalog } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put(siteKeys.catalog('p7'), '{"schema":"fedcardio.catalog/0"}');
    await reconcile('p7');
    expect(await catalog('p7')).toBeDefined();
  });
});

test('sees each object once when the name of one case is the start of another', async () => {
  const { put, context, catalog } = testSite();
  const ids = ['p1', 'p2', 'p10', 'p11', 'p1-b'];
  for (const [seed, id] of ids.entries()) await put(`cases/${id}/image.nii.gz`, image(seed));

  const results = await intakeCases(context, ids);

  for (const id of ids) {
    expect(results.get(id)).toMatchObject({ faults: [], files: [{ key: `cases/${id}/image.nii.gz` }] });
    expect(await catalog(id)).toBeDefined();
  }
});

test('lists a case again that it has written: an object may have come meanwhile, whose event came before', async () => {
  const slow = wrapBuckets(createMemoryStorage(), (store) => ({
    ...store,
    put: async (...object) => {
      if (String(object[0]) === siteKeys.catalog('p7'))
        await store.put(siteKeys.label('training', 'p7', 'calcification') as never, calcium());
      return store.put(...object);
    },
  }));
  const { put, reconcile, catalog } = testSite(slow);
  await put('cases/p7/image.nii.gz', image());

  const { entry } = await reconcile('p7');

  expect(Object.keys(entry?.value?.labels ?? {})).toEqual(['calcification']);
  expect((await catalog('p7'))?.labels).toEqual(entry?.value?.labels);
});

test('a case that changes with every write is left to the next event, and stops no other', async () => {
  let version = 0;
  const restless = wrapBuckets(createMemoryStorage(), (store) => ({
    ...store,
    put: async (...object) => {
      if (String(object[0]) === siteKeys.catalog('p7')) {
        version += 1;
        await store.put(siteKeys.image('training', 'p7') as never, image(100 + version));
      }
      return store.put(...object);
    },
  }));
  const { context, put, catalog } = testSite(restless);
  for (const [seed, id] of ['p7', 'p8'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));

  const results = await intakeCases(context, ['p7', 'p8']);

  expect(results.get('p7')).toMatchObject({
    code: 'STORAGE',
    message: 'catalog/p7.json kept changing during intake.',
    hint: 'Nothing is lost: the event is retried.',
  });
  expect(version).toBe(10);
  expect(results.get('p8')).toMatchObject({ faults: [] });
  expect(await catalog('p8')).toBeDefined();
});

describe('a file outside the case folders', () => {
  const key = siteKeys.ofEvent('cases/scan.nii.gz');

  test('is told by its name, with what to do', async () => {
    const { context, put } = testSite();
    await put(key, image());

    const { faults, rejection } = await rejectStray(context, key);

    const fault = { key, code: 'BAD_KEY', reason: 'The file is not in a case folder.' };
    expect(faults).toEqual([{ ...fault, hint: 'Upload it as cases/<case>/image.nii.gz.' }]);
    expect(rejection?.value).toMatchObject({ case: 'scan.nii.gz', objects: [fault] });
  });

  test('that was removed has no rejection, also if its removal comes first', async () => {
    const { context, put, remove, store } = testSite();
    await put(key, image());
    await rejectStray(context, key);
    await remove(key);

    expect(await rejectStray(context, key)).toMatchObject({ faults: [], files: [], rejection: undefined });
    expect(await store.head(siteKeys.rejectedStray(key))).toBeUndefined();
    expect(await rejectStray(context, key)).toMatchObject({ faults: [], files: [], rejection: undefined });
  });

  test.each(['removed', 'replaced'])('that is %s while its rejection is written is looked at again', async (how) => {
    let change: ((store: ObjectStore) => Promise<unknown>) | undefined = (store) =>
      how === 'removed' ? store.delete(key) : store.put(key, image(2));
    const changing = wrapBuckets(createMemoryStorage(), (store) => ({
      ...store,
      put: async (...object) => {
        const work = String(object[0]).startsWith('rejected/') ? change : undefined;
        if (work) change = undefined;
        await work?.(store as unknown as ObjectStore);
        return store.put(...object);
      },
    }));
    const { context, put, store } = testSite(changing);
    await put(key, image());

    const { files } = await rejectStray(context, key);

    const left = await store.head(key);
    expect(files.map(({ etag }) => etag)).toEqual(left ? [left.etag] : []);
    expect((await store.head(siteKeys.rejectedStray(key))) !== undefined).toBe(how === 'replaced');
  });
});

test('does not reject a case when storage fails', async () => {
  const failing = wrapBuckets(createMemoryStorage(), (store) => ({
    ...store,
    getRange: () => Promise.reject(new Error('connection reset')),
  }));
  const { put, reconcile, rejected } = testSite(failing);
  await put('cases/p7/image.nii.gz', image());
  await expect(reconcile('p7')).rejects.toThrow('connection reset');
  expect(await rejected('p7')).toBeUndefined();
});

test('counts cases and labels by use in the summary, and reads each entry once', async () => {
  const { openBucket, calls } = recordedBuckets();
  const { put, reconcile, summary, summarize } = testSite(openBucket);
  const cache = createSummaryCache();
  for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));
  await put('held-out/p4/image.nii.gz', image(9));
  await put('cases/p5/image.nii.gz', PNG);
  await put('cases/p1/labels/calcification.nii.gz', calcium());
  await put('cases/p2/labels/hinge-points.nii.gz', hingeMap());
  await put('held-out/p4/labels/calcification.nii.gz', calcium());
  // A case with missing points is scored but not trained on.
  const incomplete = writeMarkups([{ label: 1, position: POINTS[0]!.position }], TASKS['membranous-septum'].classes);
  for (const folder of ['cases/p1', 'held-out/p4'])
    await put(`${folder}/labels/membranous-septum.mrk.json`, incomplete);
  for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await reconcile(id);
  await summarize(cache);

  const none = { 'hinge-points': 0, 'membranous-septum': 0, calcification: 0, 'coronary-arteries': 0 };
  expect(await summary()).toMatchObject({
    site: 'berlin',
    cases: { training: 3, evaluation: 1, rejected: 1 },
    labelled: { ...none, calcification: 1, 'hinge-points': 1 },
    labelledEvaluation: { ...none, calcification: 1, 'membranous-septum': 1 },
  });

  await put('cases/p3/labels/calcification.nii.gz', calcium());
  await reconcile('p3');
  calls.length = 0;
  await summarize(cache);
  expect((await summary()).labelled.calcification).toBe(2);
  expect(calls.filter((call) => call.startsWith('tryGet catalog/'))).toEqual(['tryGet catalog/p3.json']);
});

test("counts a smoke test's case apart, so that no other campaign's count includes it", async () => {
  const { put, reconcile, summarize, summary } = testSite();
  const cases = { p1: 'cases', 'smoke-test-1': 'cases', 'smoke-test-2': 'cases', 'smoke-test-3': 'held-out' };
  for (const [seed, [id, folder]] of Object.entries(cases).entries()) {
    await put(`${folder}/${id}/image.nii.gz`, image(seed));
    await put(`${folder}/${id}/labels/calcification.nii.gz`, calcium());
    await reconcile(id);
    await summarize(createSummaryCache());
    if (id === 'p1') expect(await summary()).not.toHaveProperty('smokeTests');
  }
  await put('cases/smoke-test-4/image.nii.gz', image(9));
  await reconcile('smoke-test-4');
  await summarize(createSummaryCache());

  expect(await summary()).toMatchObject({
    cases: { training: 1, evaluation: 0 },
    labelled: { calcification: 1 },
    labelledEvaluation: { calcification: 0 },
    smokeTests: 2,
  });
});

test('leaves the same documents under concurrency and any upload order as a single call', async () => {
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
        const { context, put, summarize } = testSite(scheduled(memory, scheduler));
        const handlers = order.map(async (index, turn) => {
          const [caseId, key, body] = uploads[index] as (typeof uploads)[number];
          await put(key, body);
          // Alternately one case, and a batch whose cases share their listings.
          await intakeCases(context, turn % 2 === 0 ? [caseId] : ['p1', 'p2', 'p3']);
          await summarize();
        });
        await scheduler.waitFor(Promise.all(handlers));

        const concurrent = testSite(memory);
        const actual = await snapshot(concurrent);
        const sequential = testSite();
        for (const folder of ['cases/', 'held-out/']) {
          for await (const { key } of concurrent.store.list(siteKeys.ofEvent(folder))) {
            await sequential.put(key, (await concurrent.store.get(key)).body);
          }
        }
        for (const id of ['p1', 'p2', 'p3']) await sequential.reconcile(id);
        await sequential.summarize();
        expect(actual).toEqual(await snapshot(sequential));
      },
    ),
    { numRuns: 30 },
  );
});

test('catalogs one and rejects the other of two cases that are uploaded with the same volume at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const memory = createMemoryStorage();
      const { reconcile } = testSite(scheduled(memory, scheduler));
      const { put, catalog, rejected } = testSite(memory);
      for (const id of ['p1', 'p2']) await put(`cases/${id}/image.nii.gz`, image());

      await scheduler.waitFor(Promise.all(['p1', 'p2', 'p1'].map(reconcile)));

      const found = await Promise.all(['p1', 'p2'].map(async (id) => [await catalog(id), await rejected(id)]));
      expect(found.filter(([entry, fault]) => entry && !fault)).toHaveLength(1);
      expect(found.filter(([entry, fault]) => !entry && fault)).toHaveLength(1);
    }),
    { numRuns: 50 },
  );
});

test('a refused name does not hide the rejection of a case whose name begins with it', async () => {
  const { put, remove, context, rejected } = testSite();
  const [refused, accepted] = ['19550312', '195503121'];
  await put(`cases/${accepted}/image.nii.gz`, image(1));
  await put(`cases/${accepted}/labels/calcificaton.nii.gz`, calcium());
  await intakeCases(context, [accepted]);
  const before = await rejected(accepted);
  await remove(`cases/${accepted}/labels/calcificaton.nii.gz`);
  await put(`cases/${refused}/image.nii.gz`, image(2));

  const results = await intakeCases(context, [accepted, refused]);

  expect(before).toBeDefined();
  expect(results.get(accepted)).toMatchObject({ faults: [] });
  expect(await rejected(accepted)).toBeUndefined();
});

test('cases whose common beginning would be refused keep no rejection that is over', async () => {
  const { put, remove, context, rejected } = testSite();
  const ids = ['195503121', '195503122'];
  for (const [seed, id] of ids.entries()) {
    await put(`cases/${id}/image.nii.gz`, image(seed));
    await put(`cases/${id}/labels/calcificaton.nii.gz`, calcium());
  }
  await intakeCases(context, ids);
  const before = await rejected('195503121');
  for (const id of ids) await remove(`cases/${id}/labels/calcificaton.nii.gz`);

  await intakeCases(context, ids);

  expect(before).toBeDefined();
  for (const id of ids) expect(await rejected(id)).toBeUndefined();
});

test('looking at a refused name again and again leaves nothing behind', async () => {
  const { put, reconcile, store } = testSite(createMemoryStorage({ versioned: true }));
  await put('cases/Doe_John/image.nii.gz', image());
  await put('rejected/Doe_John.json', '{}');

  for (let i = 0; i < 3; i += 1) await reconcile('Doe_John');

  const versions = await collect(store.versions(siteKeys.rejectedPrefix));
  expect(versions.filter(({ isMarker }) => isMarker)).toHaveLength(1);
  expect(await store.head(siteKeys.rejectedByName('Doe_John'))).toBeUndefined();
});

describe('the rejection of a case with many files is small', () => {
  test("under a patient's name it has one fault, whose name it does not repeat", async () => {
    const { put, reconcile, rejected, store } = testSite();
    for (let slice = 0; slice < 300; slice += 1) await put(`cases/Mueller_Hans/DICOM/IM${slice}`, 'x');
    await put('held-out/Mueller_Hans/image.nii.gz', image());

    const { faults } = await reconcile('Mueller_Hans');

    expect(faults).toEqual([
      {
        key: expect.stringMatching(/^cases\/withheld-[0-9a-f]{8}\/DICOM\/IM0$/),
        code: 'BAD_KEY',
        reason: "The case's name looks like a person's name.",
        hint: expect.stringMatching(/^Remove the folder/),
      },
    ]);
    expect((await rejected('Mueller_Hans'))?.objects).toEqual(faults);
    for await (const { key } of store.list(siteKeys.ofEvent('cases/Mueller_Hans/')))
      expect(faultOfObject(key, faults)).toBe(faults[0]);
  });

  test('with labels of many unknown tasks it has 50 faults, and the last one stands for the rest', async () => {
    const { put, reconcile, rejected, store } = testSite();
    await put('cases/p7/image.nii.gz', image());
    await put('cases/p7/labels/calcification.nii.gz', calcium());
    for (let slice = 0; slice < 117; slice += 1) await put(`cases/p7/labels/organ-${100 + slice}.nii.gz`, calcium());

    const { faults, entry } = await reconcile('p7');

    expect(Object.keys(entry?.value?.labels ?? {})).toEqual(['calcification']);
    expect(faults).toHaveLength(50);
    expect(faults.at(-1)).toMatchObject({
      key: 'cases/p7/labels/organ-149.nii.gz',
      reason: 'This file and 67 more of the case have faults, of this one: There is no task "organ-149".',
    });
    expect((await rejected('p7'))?.objects).toEqual(faults);
    for await (const { key } of store.list(siteKeys.ofEvent('cases/p7/labels/organ-')))
      expect(faultOfObject(key, faults)).toBeDefined();
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, FedcardioError } from '../error.ts';
import { isStrayKey, parseCaseKey, siteKeys } from '../federation/keys.ts';
import { rejectedSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS, TASKS, type Task } from '../federation/tasks.ts';
import { readJson } from '../storage/documents.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { rejectStray } from './intake.ts';
import {
  calcium,
  hingeMap,
  hingeMarkups,
  image,
  PNG,
  recordedBuckets,
  snapshot,
  type TestSite,
  testSite,
} from './testing.ts';

/** The requests of a rescan that finds nothing. */
const ONLY_LISTINGS = [
  'list cases/',
  'list catalog/',
  'list held-out/',
  'list rejected/',
  'list withdrawn/',
  'tryGet rescan/examined.json',
];

/** What intake does with an event of a key. */
async function deliver({ reconcile, context, summarize }: TestSite, key: string): Promise<void> {
  const caseId = parseCaseKey(key)?.caseId;
  if (caseId !== undefined) await reconcile(caseId);
  else if (isStrayKey(key)) await rejectStray(context, siteKeys.ofEvent(key));
  await summarize();
}

/** The documents of a site that saw one event of each of these objects. */
async function expectedOf({ store }: TestSite) {
  const fresh = testSite();
  const keys: string[] = [];
  for (const folder of ['cases/', 'held-out/']) {
    for await (const { key } of store.list(siteKeys.ofEvent(folder))) {
      await fresh.put(key, (await store.get(key)).body);
      keys.push(key);
    }
  }
  for (const key of keys) await deliver(fresh, key);
  await fresh.summarize();
  return snapshot(fresh);
}

test('catalogs and counts a case whose event was lost', async () => {
  const { put, reconcile, rescan, catalog, summarize, summary } = testSite();
  for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));
  for (const id of ['p1', 'p3']) await reconcile(id);
  await summarize();

  const report = await rescan();

  expect(await catalog('p2')).toBeDefined();
  expect((await summary()).cases.training).toBe(3);
  expect(report).toMatchObject({ listed: 3, repaired: ['p2'], failed: [], remaining: 0 });
});

test.each([
  ['an image', 'cases/p1/image.nii.gz', image(2)],
  ['a label', 'cases/p1/labels/calcification.nii.gz', hingeMap()],
])('examines a case again in which %s was replaced, and the event was lost', async (_what, key, body) => {
  const { put, rescan, catalog, rejected } = testSite();
  await put('cases/p1/image.nii.gz', image(1));
  await put('cases/p1/labels/calcification.nii.gz', calcium());
  await rescan();
  const before = [await catalog('p1'), await rejected('p1')];
  expect(await rescan()).toMatchObject({ examined: 0 });

  await put(key, body);
  expect(await rescan()).toMatchObject({ examined: 1, repaired: ['p1'] });
  expect([await catalog('p1'), await rejected('p1')]).not.toEqual(before);
});

test('repairs the rejection of a file whose event was lost', async () => {
  const { put, rescan, rejected } = testSite();
  await put('cases/bad/image.nii.gz', PNG);

  expect(await rescan()).toMatchObject({ repaired: ['bad'] });
  expect(await rejected('bad')).toBeDefined();
});

test('deletes what comes late of a withdrawn case, and nothing of one that was uploaded again', async () => {
  const { put, rescan, reconcile, store } = testSite();
  for (const id of ['p1', 'p2']) await put(siteKeys.withdrawn(id), '{}');
  await put('cases/p2/image.nii.gz', image());
  await reconcile('p2');
  const stage = { campaign: 'tavi', stage: 'label' };
  const maps = ['p1', 'p2', 'p3'].map((id) => siteKeys.pseudoLabel(stage, 'calcification', id));
  for (const key of maps) await put(key, calcium());

  expect(await rescan()).toMatchObject({ erased: 1 });

  expect(await Promise.all(maps.map(async (key) => (await store.tryGet(key)) !== undefined))).toEqual([
    false,
    true,
    true,
  ]);
});

/** A site whose storage refuses to write some objects. */
const refusing = (isRefused: (key: string) => boolean, code: ErrorCode) =>
  testSite(
    wrapBuckets(createMemoryStorage(), (store) => ({
      ...store,
      put: (...object) =>
        isRefused(object[0]) ? Promise.reject(new FedcardioError(code, 'refused')) : store.put(...object),
    })),
  );

test.each<[string, ErrorCode, boolean]>([
  ['fails, so that its error is seen', 'STORAGE', false],
  ['leaves the index to another rescan that was faster', 'PRECONDITION_FAILED', true],
])('a rescan whose index cannot be saved %s', async (_, code, succeeds) => {
  const { put, rescan, catalog } = refusing((key) => key === siteKeys.examined, code);
  await put('cases/p1/image.nii.gz', image());

  expect(
    await rescan().then(
      () => true,
      () => false,
    ),
  ).toBe(succeeds);
  expect(await catalog('p1')).toBeDefined();
});

test('an object outside any case that cannot be rejected does not stop the others', async () => {
  const { put, rescan } = refusing((key) => key.startsWith('rejected/'), 'STORAGE');
  await put('cases/scan.nii.gz', PNG);
  await put('cases/p1/image.nii.gz', image());

  expect(await rescan()).toMatchObject({
    examined: 2,
    repaired: ['p1'],
    failed: [{ subject: siteKeys.rejectedStray('cases/scan.nii.gz'), reason: expect.stringContaining('refused') }],
  });
});

describe('a repeated rescan', () => {
  test('only lists if nothing has changed', async () => {
    const { openBucket, calls } = recordedBuckets();
    const { put, rescan } = testSite(openBucket);
    for (let seed = 0; seed < 40; seed += 1) await put(`cases/p${seed}/image.nii.gz`, image(seed));
    await put('cases/bad/image.nii.gz', PNG);
    await put('held-out/p0-again/image.nii.gz', image(0));
    await put('cases/scan.nii.gz', PNG);
    await put('cases/.DS_Store', '');
    expect(await rescan()).toMatchObject({ listed: 43, examined: 43 });
    calls.length = 0;

    expect(await rescan()).toMatchObject({ listed: 43, examined: 0, repaired: [] });

    expect(calls.toSorted()).toEqual(ONLY_LISTINGS);
  });

  test('examines only what changed since, and changes nothing if its event was handled', async () => {
    const { openBucket, calls } = recordedBuckets();
    const site = testSite(openBucket);
    for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await site.put(`cases/${id}/image.nii.gz`, image(seed));
    await site.rescan();
    await site.put('cases/p2/labels/calcification.nii.gz', calcium());
    await deliver(site, 'cases/p2/labels/calcification.nii.gz');
    calls.length = 0;

    expect(await site.rescan()).toMatchObject({ examined: 1, repaired: [] });

    expect(calls.filter((call) => /image|labels/.test(call))).toEqual([]);
    expect(calls.filter((call) => call.startsWith('put'))).toEqual([
      'put sites/berlin/summary.json',
      'put rescan/examined.json',
    ]);
  });

  test('examines everything if its index is lost or damaged, or if it is asked to', async () => {
    const { put, remove, rescan } = testSite();
    for (const [seed, id] of ['p1', 'p2'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));
    await rescan();

    expect(await rescan({ all: true })).toMatchObject({ examined: 2, repaired: [] });
    await put(siteKeys.examined, '{"schema":"fedcardio.examined/1"}');
    expect(await rescan()).toMatchObject({ examined: 2, repaired: [] });
    await remove(siteKeys.examined);
    expect(await rescan()).toMatchObject({ examined: 2, repaired: [] });
    expect(await rescan()).toMatchObject({ examined: 0 });
  });
});

test('stops in time and continues at the next rescan', async () => {
  const site = testSite();
  for (let seed = 0; seed < 50; seed += 1) await site.put(`cases/p${seed}/image.nii.gz`, image(seed));
  let remaining = Number.POSITIVE_INFINITY;
  for (let count = 1; remaining > 0; count += 1) {
    // Over after the first batch.
    let calls = 0;
    const context = { ...site.context, now: () => new Date(calls++ < 2 ? 0 : 2) };
    const before = remaining;
    ({ remaining } = await site.rescan({ until: new Date(1) }, context));
    expect(remaining).toBeLessThan(before);
    expect(count).toBeLessThanOrEqual(3);
  }
  expect(await snapshot(site)).toEqual(await expectedOf(site));
});

test('a case that cannot be read does not stop the others, and is tried again', async () => {
  const memory = createMemoryStorage();
  const failing = wrapBuckets(memory, (store) => ({
    ...store,
    getRange: (key, ...range) =>
      key.includes('/p1/') ? Promise.reject(new Error('connection reset')) : store.getRange(key, ...range),
  }));
  const { put, rescan } = testSite(failing);
  for (const [seed, id] of ['p1', 'p2'].entries()) await put(`cases/${id}/image.nii.gz`, image(seed));

  expect(await rescan()).toMatchObject({
    failed: [{ subject: 'p1', reason: 'connection reset' }],
    repaired: ['p2'],
  });

  expect(await testSite(memory).rescan()).toMatchObject({ examined: 1, failed: [], repaired: ['p1'] });
});

describe('a removal without an event', () => {
  test.each([
    ['of a case', ['cases/p1/image.nii.gz', 'cases/p1/labels/calcification.nii.gz']],
    ['of a label', ['cases/p1/labels/calcification.nii.gz']],
    ['of a rejected image', ['cases/p2/image.nii.gz']],
    ['of strays', ['cases/scan.nii.gz', 'cases/p1']],
    ['of a catalog entry', ['catalog/p1.json']],
    ['of a rejection', ['rejected/p2.json']],
  ])('%s is noticed', async (_what, removed) => {
    const site = testSite();
    await site.put('cases/p1/image.nii.gz', image());
    await site.put('cases/p1/labels/calcification.nii.gz', calcium());
    await site.put('cases/p2/image.nii.gz', PNG);
    await site.put('cases/p1', '');
    await site.put('cases/scan.nii.gz', PNG);
    await site.put('held-out/scan.nii.gz', PNG);
    await site.rescan();

    for (const key of removed) await site.remove(key);
    await site.rescan();

    expect(await snapshot(site)).toEqual(await expectedOf(site));
    expect(await site.rescan()).toMatchObject({ examined: 0 });
  });

  test('lets a duplicate of the removed image be used', async () => {
    const { put, remove, rescan, catalog, rejected } = testSite();
    await put('cases/p1/image.nii.gz', image());
    await rescan();
    await put('cases/p2/image.nii.gz', image());
    await rescan();
    expect((await rejected('p2'))?.objects[0]?.reason).toBe('It is the same volume as the image of case p1.');

    await remove('cases/p1/image.nii.gz');
    await rescan();

    expect(await catalog('p2')).toBeDefined();
    expect(await rejected('p2')).toBeUndefined();
    expect(await rescan()).toMatchObject({ listed: 1, examined: 0 });
  });

  test.each(['before', 'after'])(
    'lets a duplicate be used that came %s its twin lost to a held-out image',
    async (when) => {
      const { put, remove, rescan, catalog, rejected } = testSite();
      await put('cases/p1/image.nii.gz', image(1));
      await rescan();
      if (when === 'before') {
        await put('cases/p2/image.nii.gz', image(1));
        await rescan();
        expect(await rejected('p2')).toBeDefined();
      }
      await put('held-out/p1/image.nii.gz', image(2));
      await rescan();
      await put('cases/p2/image.nii.gz', image(1));
      await rescan();

      expect((await catalog('p1'))?.use).toBe('evaluation');
      expect(await catalog('p2')).toBeDefined();
      expect(await rejected('p2')).toBeUndefined();
      expect(await rescan()).toMatchObject({ examined: 0 });

      // The volume has a new owner, so that it cannot count twice.
      await remove('held-out/p1/image.nii.gz');
      await rescan();
      expect((await rejected('p1'))?.objects[0]?.reason).toBe('It is the same volume as the image of case p2.');
    },
  );

  test('drops the rejection of a stray that an earlier release stored under the name of a case', async () => {
    const { put, context, store, rescan, rejected } = testSite();
    await put('cases/scan.nii.gz', PNG);
    await rejectStray(context, siteKeys.ofEvent('cases/scan.nii.gz'));
    const { value } = await readJson(store, siteKeys.rejectedStray('cases/scan.nii.gz'), rejectedSchema);
    await put('rejected/scan.nii.gz.json', JSON.stringify(value));

    await rescan();

    expect(await rejected('scan.nii.gz')).toBeUndefined();
    expect(await readJson(store, siteKeys.rejectedStray('cases/scan.nii.gz'), rejectedSchema)).toBeDefined();
  });
});

/** Every kind of object, in two cases and beside them. Each image has other voxels. */
const OBJECTS: readonly (readonly [key: string, versions: readonly (Uint8Array | string)[]])[] = [
  ['cases/p1/image.nii.gz', [image(1), image(2), PNG]],
  ['cases/p1/labels/calcification.nii.gz', [calcium(), '{']],
  ['cases/p1/notes.txt', ['x']],
  ['held-out/p1/image.nii.gz', [image(3)]],
  ['cases/p2/image.nii.gz', [image(4), '']],
  ['cases/p2/labels/hinge-points.mrk.json', [hingeMarkups(), '{']],
  ['cases/p2', ['']],
  ['cases/scan.nii.gz', [PNG]],
  ['held-out/scan.nii.gz', [image(5)]],
  ['cases//p2/image.nii.gz', [image(6)]],
  ['cases/bad name/image.nii.gz', [image(7)]],
  ['cases/.DS_Store', ['x']],
];

test('leaves the same documents whatever events are lost, repeated, delayed or reordered', async () => {
  const step = fc.record({
    object: fc.nat(OBJECTS.length - 1),
    /** Which version to upload; the highest removes the object. */
    version: fc.nat(3),
    event: fc.constantFrom('lost', 'at once', 'twice', 'late'),
    rescans: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 16 }), fc.infiniteStream(fc.nat(100)), async (steps, order) => {
      const site = testSite();
      const late: string[] = [];
      for (const { object, version, event, rescans } of steps) {
        const [key, versions] = OBJECTS[object] as (typeof OBJECTS)[number];
        if (version === 3) await site.remove(key);
        else await site.put(key, versions[version % versions.length] as string);
        if (event === 'late') late.push(key);
        for (let count = ['at once', 'twice'].indexOf(event); count >= 0; count -= 1) await deliver(site, key);
        if (rescans) await site.rescan();
      }
      while (late.length > 0) {
        const [key] = late.splice((order.next().value as number) % late.length, 1);
        await deliver(site, key as string);
      }

      await site.rescan();

      const { 'sites/berlin/summary.json': counts, ...documents } = await snapshot(site);
      const { 'sites/berlin/summary.json': expectedCounts, ...expected } = await expectedOf(site);
      expect(documents).toEqual(expected);
      // Without any event or object there is nothing to count.
      if (counts) expect(counts).toEqual(expectedCounts);
      else expect(documents).toEqual({});
      expect(await site.rescan()).toMatchObject({ examined: 0 });
    }),
    { numRuns: 60 },
  );
});

test('runs concurrently with intake and with itself', async () => {
  const site = testSite();
  for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await site.put(`cases/${id}/image.nii.gz`, image(seed));
  await site.put('cases/scan.nii.gz', PNG);

  await Promise.all([site.rescan(), deliver(site, 'cases/p2/image.nii.gz'), site.rescan(), site.rescan()]);

  expect(await snapshot(site)).toEqual(await expectedOf(site));
  await site.rescan();
  expect(await site.rescan()).toMatchObject({ examined: 0 });
});

describe('if the tasks of the federation change', () => {
  const HINGE = 'cases/p1/labels/hinge-points';
  const changed = (id: string, change: Partial<Task>) =>
    DEFAULT_TASKS.map((task): Task => (task.id === id ? { ...task, ...change } : task));

  /** A settled site with a case of two labels, and the requests of a later rescan. */
  async function prepare() {
    const { openBucket, calls } = recordedBuckets();
    const site = testSite(openBucket);
    await site.put('cases/p1/image.nii.gz', image());
    await site.put('cases/p1/labels/calcification.nii.gz', calcium());
    await site.put(`${HINGE}.mrk.json`, hingeMarkups());
    await site.put('cases/p2/image.nii.gz', image(2));
    await site.rescan();
    const rescanWith = async (tasks: readonly Task[]) => {
      calls.length = 0;
      const report = await site.rescan({}, { ...site.context, tasks });
      return { ...report, reads: calls.filter((call) => call.startsWith('getRange')).map((call) => call.slice(9)) };
    };
    const labels = async () => (await site.catalog('p1'))?.labels ?? {};
    return { ...site, rescanWith, labels };
  }

  test('a label of a task that was removed is rejected', async () => {
    const { rescanWith, labels, rejected } = await prepare();
    const tasks = DEFAULT_TASKS.filter(({ id }) => id !== 'calcification');

    await rescanWith(tasks);

    expect(Object.keys(await labels())).toEqual(['hinge-points']);
    expect((await rejected('p1'))?.objects[0]?.reason).toBe('There is no task "calcification".');
    expect(await rescanWith(tasks)).toMatchObject({ examined: 0, reads: [] });
  });

  test('a class map of a task with more classes is read again', async () => {
    const { rescanWith, labels } = await prepare();

    const { reads } = await rescanWith(changed('calcification', { classes: ['calcium', 'stent'] }));

    expect((await labels()).calcification?.classes).toEqual({ 1: 7, 2: 0 });
    expect(reads).toContain('cases/p1/labels/calcification.nii.gz');
  });

  test.each([
    ['fewer classes', ['hinge-right', 'hinge-left']],
    ['other classes', ['a', 'b', 'c', 'd', 'e']],
  ])('points of a task with %s are rejected', async (_what, classes) => {
    const { rescanWith, labels, rejected } = await prepare();

    await rescanWith(changed('hinge-points', { classes, plausibleDistances: undefined } as Partial<Task>));

    expect(Object.keys(await labels())).toEqual(['calcification']);
    expect((await rejected('p1'))?.objects).toMatchObject([{ key: `${HINGE}.mrk.json`, code: 'BAD_LABEL' }]);
  });

  test('a label of a task of another kind is read again', async () => {
    const { rescanWith, labels, rejected } = await prepare();

    await rescanWith(changed('hinge-points', { kind: 'segmentation' } as Partial<Task>));

    expect(Object.keys(await labels())).toEqual(['calcification']);
    expect((await rejected('p1'))?.objects[0]?.reason).toMatch(/is a segmentation/);
  });

  test('only small files are read again if the labels say the same, and nothing after another title', async () => {
    const { rescanWith, labels } = await prepare();
    const added = [...DEFAULT_TASKS, { ...TASKS.calcification, id: 'lumen' }];
    const before = await labels();

    const first = await rescanWith(added);
    const titled = await rescanWith(added.map((task) => ({ ...task, title: 'Another' })));

    expect(first).toMatchObject({ examined: 2, reads: [`${HINGE}.mrk.json`] });
    expect(titled).toMatchObject({ examined: 0, reads: [] });
    expect(await labels()).toEqual(before);
  });
});

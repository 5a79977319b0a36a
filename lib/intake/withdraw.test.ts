import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { FedcardioError } from '../error.ts';
import { siteAccess } from '../federation/access.ts';
import { federationKeys, type SiteKey, siteKeys } from '../federation/keys.ts';
import { enforceAccess } from '../storage/access-view.ts';
import type { SiteStore } from '../storage/contract.ts';
import { wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { hashedCases, recordLineage } from './lineage.ts';
import { calcium, image, testSite } from './testing.ts';
import { findWithdrawn, isTarget, type WithdrawTarget, withdraw } from './withdraw.ts';

const STAGE = { campaign: 'tavi', stage: 'pseudo-label' };

/** A site with two cases, of which each file has an earlier version, and with data that GPU tasks derived from them. */
async function site(versioned: boolean, now = new Date('2026-01-01T00:00:00Z')) {
  const own = testSite(createMemoryStorage({ versioned, now: () => now }));
  for (const id of ['p1', 'p10']) {
    await own.put(`cases/${id}/image.nii.gz`, image(id.length + 10));
    await own.put(`cases/${id}/image.nii.gz`, image(id.length));
    await own.put(`cases/${id}/labels/calcification.nii.gz`, calcium());
    await own.reconcile(id);
    await derive(own.store, id);
  }
  await own.summarize();
  const access = siteAccess('berlin').withdraw;
  const context = { ...own.context, store: enforceAccess(own.store, access.own), newId: () => '0'.repeat(32) };
  return { ...own, context, federation: enforceAccess(own.federationStore, access.federation) };
}

/** What GPU tasks write about a case. */
async function derive(store: SiteStore, id: string): Promise<void> {
  await store.put(siteKeys.pseudoLabel(STAGE, 'calcification', id), 'map');
  await store.put(siteKeys.pseudoLabelReport(STAGE, 'calcification', id), '{}');
  await store.put(siteKeys.prediction('tavi', 'student', 'calcification', id), 'map');
  await store.put(siteKeys.prediction('tavi', 'teacher/calcification', 'calcification', id), 'map');
}

const versionsOf = async (store: SiteStore) => (await collect(store.versions('' as SiteKey))).map(({ key }) => key);

describe.each([true, false])('a case is withdrawn from a bucket with versions: %s', (versioned) => {
  test('with all that names it or was derived from it, and the counts follow at once', async () => {
    const { context, federation, store, summary } = await site(versioned);

    const { removed, kept } = await withdraw(context, federation, { caseId: 'p1' });

    const left = await versionsOf(store);
    expect(left.filter((key) => /(\/|^)p1[./]/.test(key))).toEqual([]);
    const contents = await Promise.all(
      left.filter((key) => key.startsWith('content/')).map(async (key) => (await store.get(key)).body),
    );
    expect(contents.map((body) => JSON.parse(Buffer.from(body).toString()).case)).toEqual(['p10']);
    expect(left.filter((key) => /(\/|^)p10[./]/.test(key)).length).toBeGreaterThan(6);
    expect(removed.find(({ key }) => key === 'cases/p1/image.nii.gz')?.versions).toBe(versioned ? 2 : 1);
    expect(kept).toEqual([]);
    expect(await summary()).toMatchObject({ cases: { training: 1 }, labelled: { calcification: 1 } });
  });

  test.each(['training', 'evaluation'] as const)('from the side %s alone, and the other side counts', async (use) => {
    const { context, federation, store, put, rescan, catalog, rejected } = await site(versioned);
    await put('held-out/p1/image.nii.gz', image(33));
    await rescan();
    const before = await rejected('p1');

    await withdraw(context, federation, { caseId: 'p1', use });
    const hidden = await catalog('p1');
    await rescan();

    expect(before?.objects[0]?.hint).toMatch(/withdraw/);
    expect(hidden).toBeUndefined();
    const left = new Set((await versionsOf(store)).filter((key) => /^(cases|held-out)\/p1\//.test(key)));
    expect([...left].sort()).toEqual(
      use === 'training'
        ? ['held-out/p1/image.nii.gz']
        : ['cases/p1/image.nii.gz', 'cases/p1/labels/calcification.nii.gz'],
    );
    expect((await catalog('p1'))?.use).toBe(use === 'training' ? 'evaluation' : 'training');
    expect(await rejected('p1')).toBeUndefined();
  });

  test('again without harm, and its name is in no record', async () => {
    const { context, federation, store } = await site(versioned);
    await withdraw(context, federation, { caseId: 'p1' });

    const again = await withdraw(context, federation, { caseId: 'p1' });

    expect(again).toMatchObject({ removed: [], kept: [], notified: 0 });
    const [record] = await collect(store.list(siteKeys.withdrawnPrefix));
    const text = `${record?.key} ${Buffer.from((await store.get(record?.key as SiteKey)).body)}`;
    expect(text).not.toContain('p1');
  });

  test('with a label only: the case stays, and no longer counts for its task', async () => {
    const { context, federation, store, summary, catalog } = await site(versioned);

    await withdraw(context, federation, { caseId: 'p1', file: 'labels/calcification.nii.gz' });

    const left = await versionsOf(store);
    expect(left).not.toContain('cases/p1/labels/calcification.nii.gz');
    expect(left).toContain(siteKeys.prediction('tavi', 'student', 'calcification', 'p1'));
    expect((await catalog('p1'))?.labels).toEqual({});
    expect(await summary()).toMatchObject({ cases: { training: 2 }, labelled: { calcification: 1 } });
  });

  test('with its CT only: what was derived from the CT goes, the label waits', async () => {
    const { context, federation, store, catalog, summary } = await site(versioned);

    await withdraw(context, federation, { caseId: 'p1', file: 'image.nii.gz' });

    const left = (await versionsOf(store)).filter((key) => /(\/|^)p1[./]/.test(key));
    expect(left).toEqual(['cases/p1/labels/calcification.nii.gz']);
    expect(await catalog('p1')).toBeUndefined();
    expect((await summary()).cases.training).toBe(1);
  });

  test('and what a running GPU task derives from it later is removed by a rescan', async () => {
    const { context, federation, store, rescan } = await site(versioned);
    await withdraw(context, federation, { caseId: 'p1' });
    await derive(store, 'p1');
    await derive(store, 'p1');

    const { erased } = await rescan();

    const left = await versionsOf(store);
    expect(erased).toBe(versioned ? 8 : 4);
    expect(left.filter((key) => /^(pseudo-labels|predictions)\/.*\/p1[./]/.test(key))).toEqual([]);
    expect(left.filter((key) => /^(pseudo-labels|predictions)\/.*\/p10[./]/.test(key))).toHaveLength(4);
  });

  test('while intake claims its content: what that leaves is removed by a rescan', async () => {
    const memory = createMemoryStorage({ versioned });
    let during: (() => Promise<unknown>) | undefined;
    const interrupted = wrapBuckets(memory, (store) => ({
      ...store,
      putIfAbsent: async (key, body) => {
        const work = key.startsWith('content/') ? during : undefined;
        if (work) during = undefined;
        await work?.();
        return store.putIfAbsent(key, body);
      },
    }));
    const { put, store, reconcile, rescan, context, federationStore } = testSite(interrupted);
    await put('cases/p1/image.nii.gz', image(1));
    await put('cases/p1/notes.txt', 'x');
    await put('cases/p10/image.nii.gz', image(2));
    const access = siteAccess('berlin').withdraw;
    const own = { ...context, store: enforceAccess(store, access.own), newId: () => '0'.repeat(32) };
    during = () => withdraw(own, enforceAccess(federationStore, access.federation), { caseId: 'p1' });

    await reconcile('p1');
    await reconcile('p10');
    const before = await versionsOf(store);
    await rescan();

    const left = await versionsOf(store);
    const contents = left.filter((key) => key.startsWith('content/'));
    expect(before.filter((key) => key.startsWith('content/'))).toHaveLength(2);
    expect(left.filter((key) => /(\/|^)p1[./]/.test(key))).toEqual([]);
    expect(contents).toHaveLength(1);
    expect(Buffer.from((await store.get(contents[0] as SiteKey)).body).toString()).toContain('p10');
    expect(left).toContain('catalog/p10.json');
  });

  test('and uploaded again: what is derived from it during a rescan stays', async () => {
    const memory = createMemoryStorage({ versioned });
    // A GPU task that starts as soon as the case is cataloged.
    const withTask = wrapBuckets(memory, (store) => ({
      ...store,
      put: async (key, ...rest) => {
        const written = await store.put(key, ...rest);
        if (key === 'catalog/p1.json') await store.put(pseudoLabel as string as typeof key, 'map');
        return written;
      },
    }));
    const pseudoLabel = siteKeys.pseudoLabel(STAGE, 'calcification', 'p1');
    const { put, store, rescan } = testSite(withTask);
    await put(siteKeys.withdrawn('p1'), '{}');
    await put('cases/p1/image.nii.gz', image(1));

    const { erased } = await rescan();

    expect(erased).toBe(0);
    expect(await store.head(pseudoLabel)).toBeDefined();
    expect(await store.head(siteKeys.catalog('p1'))).toBeDefined();
  });

  test('while intake runs at the same time: its entry does not return', async () => {
    const { context, federation, store, reconcile, summarize, summary, remove } = await site(versioned);
    await remove('catalog/p1.json');

    await Promise.all([withdraw(context, federation, { caseId: 'p1' }), reconcile('p1').catch(() => undefined)]);
    await reconcile('p1');
    await summarize();

    expect(await store.head(siteKeys.catalog('p1'))).toBeUndefined();
    expect((await summary()).cases.training).toBe(1);
  });
});

test('documents of other cases that name it go too, and checkpoints that it may be in', async () => {
  const { context, federation, store, put, rescan, rejected } = await site(true);
  await put('cases/p2/image.nii.gz', image(3));
  await rescan();
  await store.put(siteKeys.unfinished({ campaign: 'tavi', stage: 'student', round: 2 }), 'checkpoint');
  const before = await rejected('p2');
  const all = async () => (await collect(store.versions('' as SiteKey))).filter(({ isMarker }) => !isMarker);
  const named = before?.objects[0]?.reason;

  await withdraw(context, federation, { caseId: 'p10' });
  const left = await all();
  await rescan();

  expect(named).toContain('p10');
  for (const prefix of ['unfinished/', 'rejected/'])
    expect(left.filter(({ key }) => key.startsWith(prefix))).toEqual([]);
  expect(left.filter(({ key, isLatest }) => key.startsWith('content/') && !isLatest)).toEqual([]);
  expect(left.map(({ key }) => key)).not.toContain(siteKeys.examined);
  expect(await rejected('p2')).toBeUndefined();
});

test('the coordinator learns the hashes of the updates that learnt from it, and nothing of the case', async () => {
  const { context, federation, store, federationStore } = await site(true);
  const about = { site: 'berlin', campaign: 'tavi', stage: 'student', kind: 'student' };
  const entry = (round: number, id: string) => ({
    at: '2026-01-01T00:00:00.000Z',
    update: { key: federationKeys.update({ ...about, round }, 'berlin', 'x'), sha256: `${round}`.repeat(64), bytes: 1 },
    weights: null,
    base: null,
    cases: hashedCases({ training: [id] }),
  });
  for (const round of [1, 2]) await recordLineage(store, { ...about, round }, entry(round, 'p1'));
  await recordLineage(store, { ...about, round: 3 }, entry(3, 'p10'));

  const { history, notified } = await withdraw(context, federation, { caseId: 'p1' });
  await withdraw(context, federation, { caseId: 'p1' });

  expect({ notified, rounds: history.updates.map(({ round }) => round) }).toEqual({ notified: 2, rounds: [1, 2] });
  const notices = (await collect(federationStore.list(federationKeys.summaryPrefix))).filter(({ key }) =>
    key.includes('withdrawals'),
  );
  expect(notices.map(({ key }) => key)).toEqual([`sites/berlin/withdrawals/${'0'.repeat(32)}.json`]);
  expect(JSON.parse(Buffer.from((await federationStore.get(notices[0]!.key)).body).toString())).toEqual({
    schema: 'fedcardio.withdrawal-notice/1',
    updates: ['1'.repeat(64), '2'.repeat(64)],
  });
});

test('what cannot be deleted for good is hidden and told', async () => {
  const { context, federation, store, summary } = await site(true);
  const locked = new FedcardioError('STORAGE', 'Cannot delete: AccessDenied (403).');
  const deleteVersion: SiteStore['deleteVersion'] = async (key, version) => {
    if (key === 'cases/p1/image.nii.gz') throw locked;
    await context.store.deleteVersion(key, version);
  };

  const result = await withdraw({ ...context, store: { ...context.store, deleteVersion } }, federation, {
    caseId: 'p1',
  });

  expect(result.kept).toEqual([{ key: 'cases/p1/image.nii.gz', reason: locked.message }]);
  expect(await store.head(siteKeys.image('training', 'p1'))).toBeUndefined();
  expect((await summary()).cases.training).toBe(1);
});

test('the upload role deletes no version and nothing but uploads', async () => {
  const { store } = await site(true);
  const uploader = enforceAccess(store, siteAccess('berlin').upload.own);

  await uploader.delete(siteKeys.image('training', 'p1'));

  await expect(findWithdrawn(uploader, { caseId: 'p1' })).rejects.toThrow('AccessDenied');
  await expect(uploader.deleteVersion(siteKeys.image('training', 'p1'), 'v1')).rejects.toThrow('AccessDenied');
  await expect(uploader.delete(siteKeys.catalog('p1'))).rejects.toThrow('AccessDenied');
  expect((await versionsOf(store)).filter((key) => key === 'cases/p1/image.nii.gz')).toHaveLength(3);
});

describe('what is withdrawn', () => {
  test.each<[string, WithdrawTarget, readonly string[]]>([
    ['a case', { caseId: 'p1' }, ['cases/p1/image.nii.gz', 'held-out/p1/image.nii.gz', 'cases/p1/labels/a.nii.gz']],
    ['one side of a case', { caseId: 'p1', use: 'evaluation' }, ['held-out/p1/image.nii.gz']],
    ['a file', { caseId: 'p1', file: 'image.nii.gz', use: 'training' }, ['cases/p1/image.nii.gz']],
    ['a file whose name another begins with', { caseId: 'p1', file: 'labels/a.nii' }, []],
  ])('of %s is nothing else', (_, target, expected) => {
    const keys = [
      'cases/p1/image.nii.gz',
      'held-out/p1/image.nii.gz',
      'cases/p1/labels/a.nii.gz',
      'cases/p10/image.nii.gz',
    ];

    expect(keys.filter((key) => isTarget(target, key))).toEqual(expected);
  });

  const keysOf = async (store: SiteStore, target: WithdrawTarget) =>
    [...new Set((await findWithdrawn(store, target)).map(({ key }) => key))].sort();
  const CHECKPOINT = siteKeys.unfinished({ campaign: 'tavi', stage: 'student', round: 2 });

  test('of a case that the site does not have is nothing, nor of a side that it is not on', async () => {
    const { store } = await site(true);
    await store.put(CHECKPOINT, 'checkpoint');

    expect(await keysOf(store, { caseId: 'p99' })).toEqual([]);
    expect(await keysOf(store, { caseId: 'p1', use: 'evaluation' })).toEqual([]);
    expect(await keysOf(store, { caseId: 'p1', file: 'labels/calcification.nii' })).toEqual([]);
  });

  test('are documents that name it, and no other: of a case that is gone itself, too', async () => {
    const { store } = await site(true);
    const texts = { q1: 'case p.1.', q2: 'case p.10', q3: 'case xp.1', q4: 'case p.1-b', q5: '"p.1"', q6: 'case px1.' };
    for (const [id, text] of Object.entries(texts)) await store.put(siteKeys.rejected(id), text);

    const found = await keysOf(store, { caseId: 'p.1' });

    expect(found.filter((key) => key.startsWith(siteKeys.rejectedPrefix))).toEqual(
      [siteKeys.rejected('q1'), siteKeys.rejected('q5')].sort(),
    );
  });

  test('are checkpoints of trainings, but not for a case that was only scored, and not those of the doctor', async () => {
    const { store, put } = await site(true);
    await store.put(CHECKPOINT, 'checkpoint');
    await store.put(siteKeys.doctor('1'), 'probe');
    await put('held-out/p2/image.nii.gz', image(7));
    const unfinished = async (target: WithdrawTarget) =>
      (await keysOf(store, target)).filter((key) => key.startsWith(siteKeys.unfinishedPrefix));

    expect(await unfinished({ caseId: 'p1' })).toEqual([CHECKPOINT]);
    expect(await unfinished({ caseId: 'p2', use: 'evaluation' })).toEqual([]);
  });
});

test.each([
  ['that is there', false],
  ['that was deleted before', true],
])('no version of a CT %s becomes the current one meanwhile, and all are gone for good', async (_, isDeleted) => {
  const { context, federation, store } = await site(true);
  const key = siteKeys.image('training', 'p1');
  if (isDeleted) await store.delete(key);
  const seen: unknown[] = [];
  const deleteVersion: SiteStore['deleteVersion'] = async (...version) => {
    await context.store.deleteVersion(...version);
    seen.push(await store.tryGet(key));
  };
  const bytes = (await collect(store.versions(key))).reduce((sum, version) => sum + version.bytes, 0);

  const { removed } = await withdraw({ ...context, store: { ...context.store, deleteVersion } }, federation, {
    caseId: 'p1',
  });

  expect(seen.length).toBeGreaterThan(2);
  expect(seen.every((found) => found === undefined)).toBe(true);
  expect(removed.find((one) => one.key === key)).toMatchObject({ versions: 2, bytes });
});

test('a withdrawal from one side tells the updates that used the case there', async () => {
  const about = { site: 'berlin', campaign: 'tavi', stage: 'student', kind: 'student' };
  const USES = [['training'], ['validation'], ['evaluation'], ['training', 'evaluation']] as const;
  const roundsWithdrawnFrom = async (use: 'training' | 'evaluation' | undefined) => {
    const { context, federation, store, put, rescan } = await site(false);
    await put('held-out/p1/image.nii.gz', image(33));
    await rescan();
    for (const [i, used] of USES.entries()) {
      const round = { ...about, round: i + 1 };
      await recordLineage(store, round, {
        at: '2026-01-01T00:00:00.000Z',
        update: { key: federationKeys.update(round, 'berlin', 'x'), sha256: `${i}`.repeat(64), bytes: 1 },
        weights: null,
        base: null,
        cases: hashedCases(Object.fromEntries(used.map((name) => [name, ['p1']]))),
      });
    }
    return (await withdraw(context, federation, { caseId: 'p1', use })).history.updates.map(({ round }) => round);
  };

  expect(await roundsWithdrawnFrom('training')).toEqual([1, 2, 4]);
  expect(await roundsWithdrawnFrom('evaluation')).toEqual([3, 4]);
  expect(await roundsWithdrawnFrom(undefined)).toEqual([1, 2, 3, 4]);
});

describe('a withdrawal that the storage does not let through', () => {
  const withLineage = async () => {
    const own = await site(false);
    const about = { site: 'berlin', campaign: 'tavi', stage: 'student', kind: 'student', round: 1 };
    await recordLineage(own.store, about, {
      at: '2026-01-01T00:00:00.000Z',
      update: { key: federationKeys.update(about, 'berlin', 'x'), sha256: '1'.repeat(64), bytes: 1 },
      weights: null,
      base: null,
      cases: hashedCases({ training: ['p1'] }),
    });
    return own;
  };
  const failingNotice = (federation: Awaited<ReturnType<typeof site>>['federation'], error: Error) => ({
    ...federation,
    put: async (...[key, ...rest]: Parameters<typeof federation.put>) => {
      if (key.includes('withdrawals')) throw error;
      return federation.put(key, ...rest);
    },
  });

  test('says that its notice is missing, and the case is gone all the same', async () => {
    const { context, federation, store } = await withLineage();
    const refused = failingNotice(federation, new FedcardioError('STORAGE', 'AccessDenied (403).'));

    const result = await withdraw(context, refused, { caseId: 'p1' });

    expect(result.notified).toBeUndefined();
    expect(await store.head(siteKeys.image('training', 'p1'))).toBeUndefined();
  });

  test('fails with any other error', async () => {
    const { context, federation } = await withLineage();
    const outage = new Error('The line is down.');
    const deleteVersion = async () => {
      throw outage;
    };

    await expect(withdraw(context, failingNotice(federation, outage), { caseId: 'p1' })).rejects.toThrow(outage);
    const unreachable = { ...context, store: { ...context.store, deleteVersion } };
    await expect(withdraw(unreachable, federation, { caseId: 'p10' })).rejects.toThrow(outage);
  });
});

describe('the catalog entry of a case whose label is withdrawn', () => {
  const LABEL = { caseId: 'p1', file: 'labels/calcification.nii.gz' };

  test('need not be there, or have the label', async () => {
    const { context, federation, store } = await site(true);
    const before = await store.head(siteKeys.catalog('p1'));

    await withdraw(context, federation, { ...LABEL, file: 'labels/other.nii.gz' });
    const after = await store.head(siteKeys.catalog('p1'));
    await store.delete(siteKeys.catalog('p10'));
    await withdraw(context, federation, { ...LABEL, caseId: 'p10' });

    expect(after?.etag).toBe(before?.etag);
    expect(await store.head(siteKeys.catalog('p10'))).toBeUndefined();
  });

  test('is not overwritten where intake has just written another', async () => {
    const { context, federation, store } = await site(true);
    const key = siteKeys.catalog('p1');
    const tryGet: SiteStore['tryGet'] = async (read) => {
      const found = await context.store.tryGet(read);
      if (read === key && found) await store.put(key, `${Buffer.from(found.body)} `);
      return found;
    };
    const raced = withdraw({ ...context, store: { ...context.store, tryGet } }, federation, LABEL);

    await expect(raced).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
  });
});

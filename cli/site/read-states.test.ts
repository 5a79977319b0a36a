import { expect, test } from 'vitest';
import { siteKeys } from '../../lib/federation/keys.ts';
import { hingeMap, image, PNG, testSite } from '../../lib/intake/testing.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { createStatesReader } from './read-states.ts';

/** A site with accepted cases and a rejected one, and the documents that were read of it. */
async function readSite(accepted: readonly string[] = ['p1', 'p2', 'p3']) {
  const site = testSite();
  for (const [index, id] of accepted.entries()) {
    await site.put(`cases/${id}/image.nii.gz`, image(index + 1));
    await site.put(`cases/${id}/labels/hinge-points.nii.gz`, hingeMap());
    await site.reconcile(id);
  }
  await site.put('cases/bad/image.nii.gz', PNG);
  await site.reconcile('bad');
  const read: string[] = [];
  const store: Pick<SiteStore, 'list' | 'tryGet'> = {
    list: site.store.list,
    tryGet: (key) => {
      read.push(key);
      return site.store.tryGet(key);
    },
  };
  return { site, read, reader: createStatesReader(store) };
}

/** Says that time is up after so many documents. */
const lateAfter = (read: readonly string[], most: number) => {
  const before = read.length;
  return () => read.length - before >= most;
};

test('cases whose documents there was no time for are unread, refusals come first, and the next reads go on', async () => {
  const { read, reader } = await readSite();

  const first = await reader.read(undefined, true, lateAfter(read, 2));
  const second = await reader.read(undefined, true, lateAfter(read, 1));
  const third = await reader.read(undefined, true, lateAfter(read, 1));

  expect(first.unread.size).toBe(2);
  expect(first.cases.find((one) => one.case === 'bad')?.verdict).toBe('rejected');
  expect(second.unread.size).toBe(1);
  expect(third.unread.size).toBe(0);
  expect(third.cases.map((one) => [one.case, one.verdict])).toEqual([
    ['bad', 'rejected'],
    ['p1', 'accepted'],
    ['p2', 'accepted'],
    ['p3', 'accepted'],
  ]);
  // Each document once.
  expect(read.length).toBe(4);
  expect(new Set(read).size).toBe(4);
});

test('an unread case is listed: it is missing in no count', async () => {
  const { read, reader } = await readSite();

  const { cases, unread } = await reader.read(undefined, true, lateAfter(read, 0));

  expect(cases.map((one) => one.case)).toEqual(['bad', 'p1', 'p2', 'p3']);
  expect([...unread].sort()).toEqual(['bad', 'p1', 'p2', 'p3']);
  expect(read).toEqual([]);
});

test('a document that changed is read again, and is unread until there is time for it', async () => {
  const { site, read, reader } = await readSite();
  await reader.read();
  const before = read.length;
  await site.put('cases/p2/image.nii.gz', image(9));
  await site.reconcile('p2');

  const late = await reader.read(undefined, true, () => true);
  const whole = await reader.read();

  expect([...late.unread]).toEqual(['p2']);
  expect(whole.unread.size).toBe(0);
  expect(read.slice(before)).toEqual([siteKeys.catalog('p2')]);
});

test('only the named cases are read', async () => {
  const { read, reader } = await readSite();

  const { cases } = await reader.read(new Set(['p1', 'bad']));

  expect(cases.map((one) => one.case)).toEqual(['bad', 'p1']);
  expect(read.sort()).toEqual([siteKeys.catalog('p1'), siteKeys.rejected('bad')].sort());
});

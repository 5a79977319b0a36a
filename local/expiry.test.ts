import { expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { machineTopologyOf } from '../lib/federation/topology.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { deleteExpired } from './expiry.ts';

const DAY = 86_400_000;
const AT = { campaign: 'tavi', stage: 'student', round: 1 };

test('deletes old checkpoints, and neither cases nor what may still be used', async () => {
  const site = { id: 'kiel', name: 'Kiel' };
  const federation = { schema: 'fedcardio.federation/1' as const, id: 'heart', sites: [site] };
  const [bucket = { expiring: [] }] = machineTopologyOf(federation, site, { events: true }).buckets;
  let clock = 0;
  const store = createMemoryStorage({ now: () => new Date(clock) })<SiteKey>('heart-site-kiel');
  const kept = [siteKeys.image('training', 'p1'), siteKeys.catalog('p1'), siteKeys.optimizer({ ...AT, round: 2 })];
  await store.put(siteKeys.image('training', 'p1'), 'ct');
  await store.put(siteKeys.catalog('p1'), '{}');
  await store.put(siteKeys.optimizer(AT), 'old');
  await store.put(siteKeys.unfinished(AT), 'old');
  clock = 170 * DAY;
  await store.put(siteKeys.optimizer({ ...AT, round: 2 }), 'new');

  const deleted = await deleteExpired(store, bucket, new Date(181 * DAY));

  expect(deleted).toEqual({ deleted: 2, kept: 0 });
  expect((await collect(store.list('' as SiteKey))).map(({ key }) => key)).toEqual(kept.toSorted());
  expect((await deleteExpired(store, bucket, new Date(181 * DAY))).deleted).toBe(0);
});

test('an object that cannot be deleted stops no other', async () => {
  const store = createMemoryStorage({ now: () => new Date(0) })<SiteKey>('heart-site-kiel');
  const [first, second] = [1, 2].map((round) => siteKeys.optimizer({ ...AT, round })) as [SiteKey, SiteKey];
  await store.put(first, 'locked');
  await store.put(second, 'old');
  const locked = new Error('Access Denied');
  const remove: typeof store.delete = async (key) => {
    if (key === first) throw locked;
    return store.delete(key);
  };

  const expired = await deleteExpired(
    { ...store, delete: remove },
    { expiring: [{ prefix: '' as SiteKey, days: 1, noncurrentDays: 1 }] },
    new Date(2 * DAY),
  );

  expect(expired).toEqual({ deleted: 1, kept: 1, failure: locked });
  expect((await collect(store.list('' as SiteKey))).map(({ key }) => key)).toEqual([first]);
});

import { expect, test } from 'vitest';
import type { HandlerContext } from '../handlers/context.ts';
import { collect } from '../lib/async.ts';
import { type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { federationSchema, type Site } from '../lib/federation/schemas.ts';
import { machineTopologyOf } from '../lib/federation/topology.ts';
import { image } from '../lib/intake/testing.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { sweepsOf } from './sweeps.ts';

/** The sweeps of Berlin's machine, whose bucket refuses what `refuse` says, and the bucket. */
function berlin(refuse: (store: SiteStore) => Partial<SiteStore>, now = () => new Date()) {
  const federation = federationSchema.parse({
    schema: 'fedcardio.federation/1',
    id: 'tavi',
    sites: [{ id: 'berlin', name: 'Berlin' }],
  });
  const stores = storesOf(createMemoryStorage({ now: () => new Date(0) }), 'tavi');
  const bucket = stores.siteStore('berlin');
  const unused = () => Promise.reject(new Error('Not used.'));
  const context: HandlerContext = {
    federation,
    ...stores,
    siteStore: () => ({ ...bucket, ...refuse(bucket) }),
    queues: { send: unused, receive: unused } as never,
    launcher: { submit: unused },
    now,
    log: () => undefined,
  };
  const machine = machineTopologyOf(federation, federation.sites[0] as Site, { events: false });
  return { bucket, sweeps: sweepsOf({ everySeconds: 1 }, context, federation, machine) };
}

test('a part that fails stops none behind it, and is reported', async () => {
  const { bucket, sweeps } = berlin(() => ({ delete: () => Promise.reject(new Error('Access denied.')) }));
  await bucket.put('unfinished/a/b/0001.safetensors' as SiteKey, 'expired');
  await bucket.put(siteKeys.image('training', 'p1'), image(1));

  await expect(sweeps.run()).rejects.toThrow('Access denied.');
  expect(await bucket.head(siteKeys.catalog('p1'))).toBeDefined();
});

test('a case that cannot be examined does not put off those behind it', async () => {
  let looks = 0;
  // A rescan has 20 seconds at once.
  const now = () => new Date(Date.now() + 6000 * looks++);
  const bad = siteKeys.image('training', 'p00');
  const { bucket, sweeps } = berlin(
    (store) => ({
      getRange: (key, ...range) =>
        key === bad ? Promise.reject(new Error('Access denied.')) : store.getRange(key, ...range),
    }),
    now,
  );
  const ids = Array.from({ length: 50 }, (_, i) => `p${String(i).padStart(2, '0')}`);
  for (const [i, id] of ids.entries()) await bucket.put(siteKeys.image('training', id), image(i));

  const cataloged: number[] = [];
  for (let run = 0; run < 4; run++) {
    await sweeps.run().catch(() => undefined);
    cataloged.push((await collect(bucket.list('catalog/' as SiteKey))).length);
  }

  expect(cataloged[0]).toBeLessThan(49);
  expect(cataloged.at(-1)).toBe(49);
});

import { expect, test } from 'vitest';
import type { HandlerContext } from '../handlers/context.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import { federationSchema, type Site } from '../lib/federation/schemas.ts';
import { machineTopologyOf, names } from '../lib/federation/topology.ts';
import { image } from '../lib/intake/testing.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { sweepsOf } from './sweeps.ts';

test('a part that fails stops none behind it, and is reported', async () => {
  const federation = federationSchema.parse({
    schema: 'fedcardio.federation/1',
    id: 'tavi',
    sites: [{ id: 'berlin', name: 'Berlin' }],
  });
  const memory = createMemoryStorage({ now: () => new Date(0) });
  const bucket = memory<string>(names.siteBucket('tavi', 'berlin'));
  await bucket.put('unfinished/a/b/0001.safetensors', 'expired');
  await bucket.put(siteKeys.image('training', 'p1'), image(1));
  const stores = storesOf(memory, 'tavi');
  const siteStore: HandlerContext['siteStore'] = (site) => ({
    ...stores.siteStore(site),
    delete: () => Promise.reject(new Error('Access denied.')),
  });
  const unused = () => Promise.reject(new Error('Not used.'));
  const context: HandlerContext = {
    federation,
    ...stores,
    siteStore,
    queues: { send: unused, receive: unused } as never,
    launcher: { submit: unused },
    now: () => new Date(),
    log: () => undefined,
  };
  const machine = machineTopologyOf(federation, federation.sites[0] as Site, { events: false });

  const sweeps = sweepsOf({ everySeconds: 1 }, context, federation, machine);

  await expect(sweeps.run()).rejects.toThrow('Access denied.');
  expect(await bucket.head(siteKeys.catalog('p1'))).toBeDefined();
});

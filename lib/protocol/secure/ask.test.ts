import { expect, test } from 'vitest';
import { federationKeys } from '../../federation/keys.ts';
import { names } from '../../federation/topology.ts';
import { storesOf } from '../../storage/stores.ts';
import { createMemoryStorage } from '../../storage/testing-objects.ts';
import { createMemoryQueues } from '../../storage/testing-queues.ts';
import { askSites } from './ask.ts';

test.for([
  ['a minute ago', -60, 0],
  ['an hour ago', -3600, 1],
  ['in an hour, by a clock that was wrong', 3600, 1],
])('asks a site that was asked %s %i s from now: %i times', async ([, seconds, times]) => {
  const now = new Date('2026-03-02T08:00:00Z');
  const queue = names.gpuTaskQueue('tavi', 'bonn');
  const queues = createMemoryQueues();
  const { federationStore } = storesOf(createMemoryStorage(), 'tavi');
  const at = { campaign: 'aortic', stage: 'student', round: 1 };
  const asked = new Date(now.getTime() + Number(seconds) * 1000).toISOString();
  const before = { schema: 'fedcardio.asked/1', ...at, step: 'keys', at: asked, sites: ['bonn'] };
  await federationStore.put(federationKeys.asked(at), JSON.stringify(before));
  const federation = { schema: 'fedcardio.federation/1' as const, id: 'tavi', sites: [{ id: 'bonn', name: 'Bonn' }] };
  const context = { federation, federationStore, queues, now: () => now, log: () => undefined };

  await askSites(context, { at, step: 'keys', plan: 'a'.repeat(64), sites: ['bonn'], resendAfterSeconds: 900 });

  expect((await queues.depth(queue)).waiting).toBe(times);
});

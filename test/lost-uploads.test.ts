import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type Federation, summarySchema } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { image, PNG } from '../lib/intake/testing.ts';
import { tryReadJson } from '../lib/storage/documents.ts';
import { type Platform, startPlatform } from '../local/platform.ts';

const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: [{ id: 'berlin', name: 'Berlin' }],
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A site over HTTP whose intake queue loses notifications. */
async function startSite(
  fault: { readonly rate: number; readonly times?: number },
  rescanEverySeconds: number,
): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), 'fedcardio-lost-uploads-'));
  closing.push(() => rm(directory, { recursive: true }));
  const target = `^${names.intakeQueue('heart', 'berlin')}$`;
  const platform = await startPlatform({
    federation: FEDERATION,
    server: { dataDir: directory, faults: { seed: 3, rules: [{ fault: 'drop', target, ...fault }] } },
    gpuTasks: () => ({ submit: async () => undefined }),
    sweep: { everySeconds: 0.2, rescanEverySeconds },
  });
  closing.push(platform.close);
  return platform;
}

/** The site's documents and counts. */
async function stateOf({ context }: Platform) {
  const store = context.siteStore('berlin');
  const keysOf = async (prefix: Parameters<typeof store.list>[0]) =>
    (await collect(store.list(prefix))).map(({ key }) => key);
  const summary = await tryReadJson(context.federationStore, federationKeys.summary('berlin'), summarySchema);
  return {
    catalog: await keysOf(siteKeys.catalogPrefix),
    rejected: await keysOf(siteKeys.rejectedPrefix),
    cases: summary?.value.cases,
  };
}

test('a case whose upload event is lost is cataloged by the next rescan', async () => {
  const platform = await startSite({ rate: 1, times: 1 }, 0.2);
  const store = platform.context.siteStore('berlin');

  for (const [seed, id] of ['p1', 'p2', 'p3'].entries()) await store.put(siteKeys.image('training', id), image(seed));

  await expect
    .poll(() => stateOf(platform), { timeout: 20_000 })
    .toEqual({
      catalog: ['catalog/p1.json', 'catalog/p2.json', 'catalog/p3.json'],
      rejected: [],
      cases: { training: 3, evaluation: 0, rejected: 0 },
    });
});

test('uploads and removals whose events are all lost are noticed', async () => {
  const platform = await startSite({ rate: 1 }, 0.2);
  const store = platform.context.siteStore('berlin');
  const stray = siteKeys.ofEvent('cases/scan.nii.gz');
  await store.put(siteKeys.image('training', 'p1'), image());
  await store.put(siteKeys.image('evaluation', 'p2'), PNG);
  await store.put(stray, PNG);
  await expect
    .poll(() => stateOf(platform), { timeout: 20_000 })
    .toEqual({
      catalog: ['catalog/p1.json'],
      rejected: ['rejected/p2.json', siteKeys.rejectedStray(stray)],
      cases: { training: 1, evaluation: 0, rejected: 2 },
    });

  await store.delete(siteKeys.image('training', 'p1'));
  await store.delete(stray);

  await expect
    .poll(() => stateOf(platform), { timeout: 20_000 })
    .toEqual({
      catalog: [],
      rejected: ['rejected/p2.json'],
      cases: { training: 0, evaluation: 0, rejected: 1 },
    });
});

test('a removal is noticed by its event, without a rescan', async () => {
  const platform = await startSite({ rate: 0 }, 3600);
  const store = platform.context.siteStore('berlin');
  await store.put(siteKeys.image('training', 'p1'), image());
  await expect.poll(() => stateOf(platform), { timeout: 20_000 }).toMatchObject({ catalog: ['catalog/p1.json'] });

  await store.delete(siteKeys.image('training', 'p1'));

  await expect
    .poll(() => stateOf(platform), { timeout: 20_000 })
    .toEqual({ catalog: [], rejected: [], cases: { training: 0, evaluation: 0, rejected: 0 } });
});

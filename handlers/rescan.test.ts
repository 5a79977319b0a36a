import { expect, test } from 'vitest';
import { siteKeys } from '../lib/federation/keys.ts';
import { names } from '../lib/federation/topology.ts';
import { image } from '../lib/intake/testing.ts';
import { storesOf, wrapBuckets } from '../lib/storage/stores.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import type { HandlerContext } from './context.ts';
import { rescan } from './rescan.ts';

/** Sites whose buckets fail while their ids are in `broken`. */
function prepare(...sites: readonly string[]) {
  const broken = new Set<string>();
  const logged: { readonly event: string; readonly site: unknown }[] = [];
  const storage = wrapBuckets(createMemoryStorage(), (store) => ({
    ...store,
    list: async function* (prefix) {
      for (const site of broken)
        if (store.bucket === names.siteBucket('tavi', site)) throw new Error(`${site} is away`);
      yield* store.list(prefix);
    },
  }));
  const unused = () => Promise.reject(new Error('A rescan must not use a queue or a launcher.'));
  const context: HandlerContext = {
    federation: {
      schema: 'fedcardio.federation/1',
      id: 'tavi',
      sites: sites.map((id) => ({ id, name: id })),
    },
    ...storesOf(storage, 'tavi'),
    queues: { send: unused, receive: unused, delete: unused, changeVisibility: unused, depth: unused },
    launcher: { submit: unused },
    now: () => new Date('2026-01-02T03:04:05Z'),
    log: (event, { site }) => logged.push({ event, site }),
  };
  const isCataloged = async (site: string) =>
    (await context.siteStore(site).head(siteKeys.catalog('p1'))) !== undefined;
  const upload = (site: string) => context.siteStore(site).put(siteKeys.image('training', 'p1'), image());
  return { context, broken, logged, isCataloged, upload };
}

const DONE = { isDone: true, failure: undefined };

test('examines the sites of its federation and logs what was missed, once', async () => {
  const { context, logged, isCataloged, upload } = prepare('berlin', 'munich');
  await upload('munich');

  expect(await rescan(context)).toEqual(DONE);
  expect(await rescan(context)).toEqual(DONE);

  expect(await isCataloged('munich')).toBe(true);
  expect(logged).toEqual([
    { event: 'case-examined', site: 'munich' },
    { event: 'site-rescanned', site: 'munich' },
  ]);
});

test('fails for a site that is away, but only after the others, and makes up for it later', async () => {
  const { context, broken, logged, isCataloged, upload } = prepare('berlin', 'munich');
  for (const site of ['berlin', 'munich']) await upload(site);
  broken.add('berlin');

  expect((await rescan(context)).failure).toMatchObject({
    code: 'STORAGE',
    message: expect.stringContaining('berlin: berlin is away'),
  });

  expect(logged).toContainEqual({ event: 'rescan-failed', site: 'berlin' });
  expect(await isCataloged('munich')).toBe(true);
  broken.clear();
  expect(await rescan(context)).toEqual(DONE);
  expect(await isCataloged('berlin')).toBe(true);
});

test('says that something remains when its time is over', async () => {
  const { context, isCataloged, upload } = prepare('berlin');
  await upload('berlin');

  expect(await rescan(context, 0)).toEqual({ ...DONE, isDone: false });
  expect(await isCataloged('berlin')).toBe(false);
  expect(await rescan(context)).toEqual(DONE);
});

import { expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { keyOf } from '../federation/testing.ts';
import { storesOf } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { listSites } from './site-listing.ts';

const SITES = ['a', 'b', 'c'];

/** Three sites with counts and an answer, of which the first has stored so many more keys. */
async function federationWith(more: number) {
  const { federationStore } = storesOf(createMemoryStorage(), 'heart');
  for (const site of SITES) {
    await federationStore.put(federationKeys.summary(site), '{}');
    await federationStore.put(federationKeys.consent(site, 'tavi'), '{}');
    await federationStore.put(federationKeys.consent(site, 'other'), '{}');
  }
  for (let i = 0; i < more; i++) await federationStore.put(keyOf(`sites/a/consents/flood-${i}`), '');
  let listed = 0;
  const counting: Pick<typeof federationStore, 'list'> = {
    list: async function* (prefix) {
      for await (const info of federationStore.list(prefix)) {
        listed++;
        yield info;
      }
    },
  };
  return { store: counting, listed: () => listed };
}
const expected = SITES.flatMap((site) => [federationKeys.summary(site), federationKeys.consent(site, 'tavi')]).sort();

test('finds summaries and answers of a campaign in one listing', async () => {
  const { store, listed } = await federationWith(0);

  const found = await listSites(store, [...SITES, 'none'], 'tavi');

  expect([...found.keys()].sort()).toEqual(expected);
  expect(listed()).toBe(9);
});

test('a site that fills its folder hides nobody, and costs a bounded number of keys', async () => {
  const { store, listed } = await federationWith(5000);

  const found = await listSites(store, [...SITES, 'none'], 'tavi');

  expect([...found.keys()].sort()).toEqual(expected);
  expect(listed()).toBeLessThan(1100);
});

test('one site is looked up by its keys, however much the sites have stored', async () => {
  const { store, listed } = await federationWith(500);

  const found = await listSites(store, ['c'], 'tavi');

  expect([...found.keys()]).toEqual([federationKeys.summary('c'), federationKeys.consent('c', 'tavi')]);
  expect(listed()).toBe(2);
});

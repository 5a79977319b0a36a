import { expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import { contentSchema, outcomeSchema } from '../federation/schemas.ts';
import type { SiteStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { readStored, reconcileDocument } from './stored.ts';

const KEY = siteKeys.content('a'.repeat(64));
const DOCUMENT = { schema: 'fedcardio.content/1', case: 'p1', key: 'cases/p1/image.nii.gz', etag: '"1"' };

function stored(document: object | string): SiteStore {
  const store: SiteStore = createMemoryStorage()('heart-site-berlin');
  void store.put(KEY, typeof document === 'string' ? document : JSON.stringify(document));
  return store;
}

test('a document that cannot be parsed has no value, so that intake replaces it', async () => {
  expect(await readStored(stored('{'), KEY, contentSchema)).toMatchObject({ value: undefined });
});

test('a document that only a newer release can read is not replaced', async () => {
  const store = stored({ ...DOCUMENT, schema: 'fedcardio.content/2' });

  await expect(readStored(store, KEY, contentSchema)).rejects.toMatchObject({ code: 'NEWER_SCHEMA' });
});

test('a document with unknown keys keeps them while its known keys do not change', async () => {
  const outcome = {
    schema: 'fedcardio.outcome/1' as const,
    campaign: 'c',
    status: 'failed' as const,
    at: '2026-03-02T08:00:00Z',
  };
  const store = stored({ ...outcome, ofTomorrow: 1 });

  const before = await readStored(store, KEY, outcomeSchema);
  await reconcileDocument(store, KEY, outcomeSchema, before, { ...outcome, at: '2027-01-01T00:00:00Z' });

  expect(JSON.parse(Buffer.from((await store.get(KEY)).body).toString())).toHaveProperty('ofTomorrow', 1);
});

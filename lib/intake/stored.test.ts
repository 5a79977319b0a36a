import { expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { siteKeys } from '../federation/keys.ts';
import { contentSchema, outcomeSchema } from '../federation/schemas.ts';
import type { SiteStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { isUnreadable, readStored, reconcileDocument, retryOnConflict } from './stored.ts';

const KEY = siteKeys.content('a'.repeat(64));
const DOCUMENT = { schema: 'fedcardio.content/1', case: 'p1', key: 'cases/p1/image.nii.gz', etag: '"1"' };
const OUTCOME = {
  schema: 'fedcardio.outcome/1' as const,
  campaign: 'c',
  status: 'failed' as const,
  at: '2026-03-02T08:00:00Z',
};

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
  const store = stored({ ...OUTCOME, ofTomorrow: 1 });

  const before = await readStored(store, KEY, outcomeSchema);
  await reconcileDocument(store, KEY, outcomeSchema, before, { ...OUTCOME, at: '2027-01-01T00:00:00Z' });

  expect(JSON.parse(Buffer.from((await store.get(KEY)).body).toString())).toHaveProperty('ofTomorrow', 1);
});

test('a document that has changed since it was read is not replaced', async () => {
  const store = stored({ ...OUTCOME, campaign: 'before' });
  const before = await readStored(store, KEY, outcomeSchema);
  await store.put(KEY, JSON.stringify({ ...OUTCOME, campaign: 'of-another' }));

  const replacing = reconcileDocument(store, KEY, outcomeSchema, before, OUTCOME);
  await expect(replacing).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
});

test('a document is unreadable if only a newer release can read it, not if the storage is away', () => {
  expect(isUnreadable(new FedcardioError('NEWER_SCHEMA', 'Upgrade.'))).toBe(true);
  expect(isUnreadable(new FedcardioError('STORAGE_UNAVAILABLE', 'It does not answer.'))).toBe(false);
});

test.each(['PRECONDITION_FAILED', 'NOT_FOUND'] as const)('what conflicts by %s is tried ten times', async (code) => {
  const conflict = new FedcardioError(code, 'Another was first.');
  const trying = (failures: number) => {
    let attempts = 0;
    const tried = retryOnConflict('The summary of berlin', async () => {
      attempts += 1;
      if (attempts <= failures) throw conflict;
    });
    return tried.then(
      () => attempts,
      (error: unknown) => ({ attempts, error }),
    );
  };
  expect(await trying(0)).toBe(1);
  expect(await trying(9)).toBe(10);
  expect(await trying(10)).toMatchObject({
    attempts: 10,
    error: {
      code: 'STORAGE',
      message: 'The summary of berlin kept changing while it was being read.',
      hint: 'Nothing is lost: the event is retried.',
      cause: conflict,
    },
  });
});

test('another error than a conflict is thrown at once', async () => {
  let attempts = 0;
  const failing = retryOnConflict('The summary of berlin', async () => {
    attempts += 1;
    throw new Error('broken');
  });
  await expect(failing).rejects.toThrow('broken');
  expect(attempts).toBe(1);
});

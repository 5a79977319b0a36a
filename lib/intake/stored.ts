import type { z } from 'zod';
import { FedcardioError, isFedcardioError } from '../error.ts';
import { canonicalJson } from '../json.ts';
import type { ObjectStore } from '../storage/contract.ts';
import { readStored, type Stored, writeDocument } from '../storage/documents.ts';
import { unreadableOf } from '../storage/unreadable.ts';

export { readStored, type Stored };

/** Whether one document cannot be read, or only by a newer release, although the storage answers. It concerns no other document. */
export const isUnreadable = (error: unknown): boolean =>
  isFedcardioError(error, 'NEWER_SCHEMA') || unreadableOf(error) !== undefined;

/**
 * Writes or deletes a document so that it equals `wanted`. Values that differ only in `at`, the time of writing, are equal.
 *
 * @param wanted undefined: the document should not exist
 * @returns the document after the call; `stored` itself if nothing changed
 * @throws PRECONDITION_FAILED or NOT_FOUND if the document changed since `stored` was read: read again; BAD_MESSAGE if
 *   `wanted` does not fit its schema: nothing is then written
 */
export async function reconcileDocument<
  K extends string,
  S extends z.ZodType<{ readonly at: string }>,
  T extends z.infer<S>,
>(
  store: Pick<ObjectStore<K>, 'put' | 'delete'>,
  key: NoInfer<K>,
  schema: S,
  stored: Stored<T> | undefined,
  wanted: T | undefined,
): Promise<Stored<T> | undefined> {
  if (!wanted) {
    if (stored) await store.delete(key);
    return undefined;
  }
  if (stored?.value && canonicalJson({ ...stored.value, at: '' }) === canonicalJson({ ...wanted, at: '' }))
    return stored;
  const condition = stored ? { ifMatch: stored.etag } : ({ ifNoneMatch: '*' } as const);
  const { etag } = await writeDocument(store, key, schema, wanted, condition);
  return { etag, value: wanted };
}

/** Whether a conditional write failed because another writer was first. */
export const isConflict = (error: unknown): boolean =>
  isFedcardioError(error, 'PRECONDITION_FAILED') || isFedcardioError(error, 'NOT_FOUND');

const ATTEMPTS = 10;

/**
 * Repeats `attempt` while it conflicts with other writers.
 *
 * @param what names the document in the error: "The summary of berlin"
 * @throws STORAGE after 10 conflicts
 */
export async function retryOnConflict(what: string, attempt: () => Promise<void>): Promise<void> {
  let cause: unknown;
  for (let count = 0; count < ATTEMPTS; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error)) throw error;
      cause = error;
    }
  }
  throw new FedcardioError('STORAGE', `${what} kept changing while it was being read.`, {
    cause,
    hint: 'Nothing is lost: the event is retried.',
  });
}

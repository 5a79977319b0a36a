import type { z } from 'zod';
import { FedcardioError, isFedcardioError } from '../error.ts';
import { canonicalJson, parseJson } from '../json.ts';
import type { Objects } from '../storage/contract.ts';

/** A JSON object of intake's own. `value` is undefined where it cannot be read: it is made anew then. */
export interface Stored<T> {
  readonly etag: string;
  readonly value: T | undefined;
}

export async function readStored<S extends z.ZodType>(
  objects: Objects,
  bucket: string,
  key: string,
  schema: S,
): Promise<Stored<z.infer<S>> | undefined> {
  const found = await objects.tryGet(bucket, key);
  if (!found) return undefined;
  try {
    return { etag: found.etag, value: parseJson(found.body, schema, key) };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return { etag: found.etag, value: undefined };
  }
}

/**
 * Makes what is stored say what it should. Values that differ in nothing but `at`, the time of writing, are equal.
 *
 * @param wanted undefined: nothing should be stored
 * @returns what is stored then: `stored` itself where nothing had to be changed
 * @throws PRECONDITION_FAILED or NOT_FOUND where it is no longer what `stored` was: look again
 */
export async function settle<T extends { readonly at: string }>(
  objects: Objects,
  bucket: string,
  key: string,
  stored: Stored<T> | undefined,
  wanted: T | undefined,
): Promise<Stored<T> | undefined> {
  if (!wanted) {
    if (stored) await objects.delete(bucket, key);
    return undefined;
  }
  if (stored?.value && canonicalJson({ ...stored.value, at: '' }) === canonicalJson({ ...wanted, at: '' }))
    return stored;
  const condition = stored ? { ifMatch: stored.etag } : ({ ifNoneMatch: '*' } as const);
  const json = canonicalJson(wanted);
  const { etag } = await objects.put(bucket, key, json, { ...condition, contentType: 'application/json' });
  return { etag, value: wanted };
}

/** Another writer was there first: what was read before is out of date. */
export const isLost = (error: unknown): boolean =>
  isFedcardioError(error, 'PRECONDITION_FAILED') || isFedcardioError(error, 'NOT_FOUND');

const ATTEMPTS = 10;

/**
 * Repeats `attempt` while it loses to other writers.
 *
 * @param what for the error: "the summary of berlin"
 * @throws STORAGE when others keep changing it
 */
export async function untilWon(what: string, attempt: () => Promise<void>): Promise<void> {
  let cause: unknown;
  for (let count = 0; count < ATTEMPTS; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLost(error)) throw error;
      cause = error;
    }
  }
  throw new FedcardioError('STORAGE', `${what} kept changing while it was looked at.`, {
    cause,
    hint: 'Nothing is lost: it is tried again.',
  });
}

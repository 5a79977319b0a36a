import type { z } from 'zod';
import { isFedcardioError } from '../error.ts';
import type { ObjectStore } from './contract.ts';
import { readStored, type Stored, writeDocument } from './documents.ts';

type OwnedWrite<T> =
  | { readonly kind: 'written'; readonly etag: string }
  /** `stored`: the other owner's document; undefined if it was deleted. */
  | { readonly kind: 'lost'; readonly stored: Stored<T> | undefined };

/**
 * Compare-and-swap of a document that names its owner (`holder`). A write whose response was lost is repeated and then
 * fails on its own success. The owner in the stored document tells whether that happened.
 *
 * @param etag version to replace; undefined: the document must not exist yet
 */
export async function writeOwned<K extends string, T extends { readonly holder: string }>(
  store: Pick<ObjectStore<K>, 'bucket' | 'put' | 'tryGet'>,
  key: NoInfer<K>,
  schema: z.ZodType<T>,
  value: T,
  etag: string | undefined,
): Promise<OwnedWrite<T>> {
  const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
  try {
    return { kind: 'written', etag: (await writeDocument(store, key, schema, value, condition)).etag };
  } catch (error) {
    if (!isFedcardioError(error, 'PRECONDITION_FAILED') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
    const stored = await readStored(store, key, schema);
    return stored?.value?.holder === value.holder ? { kind: 'written', etag: stored.etag } : { kind: 'lost', stored };
  }
}

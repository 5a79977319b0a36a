import type { z } from 'zod';
import { isFedcardioError } from '../error.ts';
import { canonicalJson } from '../json.ts';
import type { ObjectStore } from '../protocol/ports.ts';
import { type StoredDocument, tryReadJson } from './documents.ts';

type Held<T> =
  | { readonly kind: 'written'; readonly etag: string }
  /** `stored`: what another has written there meanwhile; undefined when it is gone. */
  | { readonly kind: 'lost'; readonly stored: StoredDocument<T> | undefined };

/**
 * Writes a document that names its holder over the version that is known, or where there is none. A write whose answer
 * was lost is repeated, and then fails on its own success: the holder in what is stored tells.
 *
 * @param etag of the version that is known
 */
export async function writeOwned<T extends { readonly holder: string }>(
  objects: Pick<ObjectStore, 'put' | 'tryGet'>,
  bucket: string,
  key: string,
  schema: z.ZodType<T>,
  value: T,
  etag: string | undefined,
): Promise<Held<T>> {
  const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
  try {
    return { kind: 'written', etag: (await objects.put(bucket, key, canonicalJson(value), condition)).etag };
  } catch (error) {
    if (!isFedcardioError(error, 'PRECONDITION_FAILED') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
    const stored = await tryReadJson(objects, bucket, key, schema);
    return stored?.value.holder === value.holder ? { kind: 'written', etag: stored.etag } : { kind: 'lost', stored };
  }
}

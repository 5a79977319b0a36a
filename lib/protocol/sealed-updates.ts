import { mapConcurrently } from '../async.ts';
import type { FederationKey } from '../federation/keys.ts';
import { type Update, updateSchema } from '../federation/schemas.ts';
import { parseDocument, sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { unreadableOf } from '../storage/unreadable.ts';
import { MAX_DOCUMENT_BYTES } from './bounds.ts';
import type { SealEntries } from './merge-entries.ts';

const READS_AT_ONCE = 16;

/** Sealed updates as they were sealed, in this order; undefined for one that its site has replaced, or that cannot be read. */
export const sealedUpdates = (
  store: Pick<FederationStore, 'list' | 'tryGet'>,
  entries: SealEntries,
): Promise<readonly (Update | undefined)[]> =>
  mapConcurrently(entries, READS_AT_ONCE, async ({ key, sha256 }) => {
    const body = await bodyOf(store, key);
    return body && sha256Hex(body) === sha256 ? parseDocument(body, updateSchema, key) : undefined;
  });

/** An update's metadata; undefined if it is missing, too long, or cannot be read. */
async function bodyOf(
  store: Pick<FederationStore, 'list' | 'tryGet'>,
  key: FederationKey,
): Promise<Uint8Array | undefined> {
  try {
    for await (const object of store.list(key)) {
      if (object.key !== key || object.bytes > MAX_DOCUMENT_BYTES) return undefined;
      return (await store.tryGet(key))?.body;
    }
    return undefined;
  } catch (error) {
    if (!unreadableOf(error)) throw error;
    return undefined;
  }
}

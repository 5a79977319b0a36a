import { mapConcurrently } from '../async.ts';
import { type Update, updateSchema } from '../federation/schemas.ts';
import { parseDocument, sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { listed } from '../storage/listed.ts';
import { type Unreadable, unreadableOf } from '../storage/unreadable.ts';
import { MAX_DOCUMENT_BYTES } from './bounds.ts';
import type { SealEntries } from './merge-entries.ts';

const READS_AT_ONCE = 16;

/** A sealed update as it was sealed. Has neither if its site has replaced it. */
export interface SealedUpdate {
  readonly update?: Update;
  /** Why the storage does not hand it out. */
  readonly unreadable?: Unreadable;
}

/** Reads sealed updates again, in this order. */
export const sealedUpdates = (
  store: Pick<FederationStore, 'list' | 'tryGet'>,
  entries: SealEntries,
): Promise<readonly SealedUpdate[]> =>
  mapConcurrently(entries, READS_AT_ONCE, async ({ key, sha256 }) => {
    try {
      const object = await listed(store, key);
      const body = object && object.bytes <= MAX_DOCUMENT_BYTES ? (await store.tryGet(key))?.body : undefined;
      return body && sha256Hex(body) === sha256 ? { update: parseDocument(body, updateSchema, key) } : {};
    } catch (error) {
      const unreadable = unreadableOf(error);
      if (!unreadable) throw error;
      return { unreadable };
    }
  });

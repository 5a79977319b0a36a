import { mapConcurrently } from '../async.ts';
import { isFedcardioError } from '../error.ts';
import { type Update, updateSchema } from '../federation/schemas.ts';
import { parseDocument, sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
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
  store: Pick<FederationStore, 'tryGet'>,
  entries: SealEntries,
): Promise<readonly SealedUpdate[]> =>
  mapConcurrently(entries, READS_AT_ONCE, async ({ key, sha256 }) => {
    try {
      const body = (await store.tryGet(key, MAX_DOCUMENT_BYTES))?.body;
      return body && sha256Hex(body) === sha256 ? { update: parseDocument(body, updateSchema, key) } : {};
    } catch (error) {
      if (isFedcardioError(error, 'BAD_MESSAGE')) return {};
      const unreadable = unreadableOf(error);
      if (!unreadable) throw error;
      return { unreadable };
    }
  });

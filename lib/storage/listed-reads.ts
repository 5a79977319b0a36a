import type { FederationKey } from '../federation/keys.ts';
import type { FederationStore, StoredObject } from './contract.ts';

type Reader = Pick<FederationStore, 'bucket' | 'tryGet' | 'list'>;

/**
 * A reader for a command that looks at the same small documents again and again. A listing of `prefix` tells which of them
 * are new: below the prefix, only these are read, and what is not listed counts as missing. A look therefore costs one
 * listing (one request for each 1,000 objects) and one request for each new or changed document.
 *
 * Below the prefix, `tryGet` shows the state of the last listing.
 */
export function createListedReader(store: Reader, prefix: FederationKey): Reader {
  let etags: ReadonlyMap<string, string> | undefined;
  const bodies = new Map<string, StoredObject>();
  return {
    bucket: store.bucket,
    list: async function* (asked) {
      if (asked !== prefix) return yield* store.list(asked);
      const seen = new Map<string, string>();
      for await (const object of store.list(prefix)) {
        seen.set(object.key, object.etag);
        yield object;
      }
      etags = seen;
    },
    tryGet: async (key) => {
      if (!etags || !key.startsWith(prefix)) return store.tryGet(key);
      const etag = etags.get(key);
      if (etag === undefined) return undefined;
      const known = bodies.get(key);
      if (known?.etag === etag) return known;
      const read = await store.tryGet(key);
      if (read) bodies.set(key, read);
      return read;
    },
  };
}

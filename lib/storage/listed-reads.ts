import type { FederationStore, StoredObject } from './contract.ts';
import { parseOnce } from './documents.ts';

type Reader = Pick<FederationStore, 'bucket' | 'tryGet' | 'list'>;

/**
 * A reader for a command that looks at the same small documents again and again. A listing tells which of them are new:
 * below its prefix, only these are read, and what is not listed counts as missing. A look therefore costs one listing for
 * each prefix (one request for each 1,000 objects) and one request for each new or changed document, which is parsed once.
 *
 * Below a prefix that was listed to the end, `tryGet` shows the state of the last listing.
 */
export function createListedReader(store: Reader): Reader {
  const listings = new Map<string, ReadonlyMap<string, string>>();
  const bodies = new Map<string, StoredObject>();
  return {
    bucket: store.bucket,
    list: async function* (prefix) {
      const etags = new Map<string, string>();
      for await (const object of store.list(prefix)) {
        etags.set(object.key, object.etag);
        yield object;
      }
      listings.set(prefix, etags);
    },
    tryGet: async (key, ...limit) => {
      const [, etags] = [...listings].find(([prefix]) => key.startsWith(prefix)) ?? [];
      if (!etags) return store.tryGet(key, ...limit);
      const etag = etags.get(key);
      if (etag === undefined) return undefined;
      const known = bodies.get(key);
      if (known?.etag === etag) return known;
      const read = await store.tryGet(key, ...limit);
      if (read) bodies.set(key, parseOnce(read));
      return read;
    },
  };
}

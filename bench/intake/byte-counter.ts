import type { OpenBucket } from '../../lib/storage/contract.ts';
import { wrapBuckets } from '../../lib/storage/stores.ts';

/** Counts the bytes of bodies that are read through wrapped buckets. */
export function createByteCounter() {
  let bytes = 0;
  return {
    read: () => bytes,
    count: (openBucket: OpenBucket): OpenBucket =>
      wrapBuckets(openBucket, (store) => ({
        ...store,
        get: async (key) => {
          const found = await store.get(key);
          bytes += found.body.length;
          return found;
        },
        tryGet: async (key, ...limit) => {
          const found = await store.tryGet(key, ...limit);
          bytes += found?.body.length ?? 0;
          return found;
        },
        getRange: async (key, start, end) => {
          const body = await store.getRange(key, start, end);
          bytes += body.length;
          return body;
        },
      })),
  };
}

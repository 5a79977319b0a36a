import type { Objects } from '../../lib/storage/contract.ts';

/** Counts the bytes of bodies that are read through a wrapped store. */
export function createByteCounter() {
  let bytes = 0;
  return {
    read: () => bytes,
    count: (objects: Objects): Objects => ({
      ...objects,
      async get(bucket, key) {
        const found = await objects.get(bucket, key);
        bytes += found.body.length;
        return found;
      },
      async tryGet(bucket, key) {
        const found = await objects.tryGet(bucket, key);
        bytes += found?.body.length ?? 0;
        return found;
      },
      async getRange(bucket, key, start, end) {
        const body = await objects.getRange(bucket, key, start, end);
        bytes += body.length;
        return body;
      },
    }),
  };
}

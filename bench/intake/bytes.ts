import type { Objects } from '../../lib/storage/contract.ts';

/** Objects that count the bytes of bodies that come through them. */
export function countBytes(objects: Objects): { readonly objects: Objects; readonly bytesRead: () => number } {
  let bytes = 0;
  const counted: Objects = {
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
  };
  return { objects: counted, bytesRead: () => bytes };
}

import type { ObjectStore } from './contract.ts';

/**
 * Whether an object exists, by listing it. For roles that may list a key without reading it, and for those that may read it but not
 * list the whole bucket: S3 refuses them the read of a missing object (403), as if they had no right.
 */
export async function isListed<K extends string>(
  store: Pick<ObjectStore<K>, 'list'>,
  key: NoInfer<K>,
): Promise<boolean> {
  for await (const object of store.list(key)) return object.key === key;
  return false;
}

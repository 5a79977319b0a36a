import type { ObjectInfo, ObjectStore } from './contract.ts';

/**
 * What a listing says of an object; undefined if there is none. For roles that may list a key without reading it, and for those that may
 * read it but not list the whole bucket: S3 refuses them the read of a missing object (403), as if they had no right.
 */
export async function listed<K extends string>(
  store: Pick<ObjectStore<K>, 'list'>,
  key: NoInfer<K>,
): Promise<ObjectInfo<K> | undefined> {
  for await (const object of store.list(key)) return object.key === key ? object : undefined;
  return undefined;
}

/** Whether an object exists, by listing it. */
export const isListed = async <K extends string>(
  store: Pick<ObjectStore<K>, 'list'>,
  key: NoInfer<K>,
): Promise<boolean> => (await listed(store, key)) !== undefined;

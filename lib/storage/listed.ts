import type { ObjectStore } from './contract.ts';

/** Whether an object exists, for roles that may list it without reading it, and must not be told by a refusal. */
export async function isListed<K extends string>(
  store: Pick<ObjectStore<K>, 'list'>,
  key: NoInfer<K>,
): Promise<boolean> {
  for await (const object of store.list(key)) return object.key === key;
  return false;
}

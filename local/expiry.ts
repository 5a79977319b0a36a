import type { BucketSpec } from '../lib/federation/topology.ts';
import type { ObjectStore } from '../lib/storage/contract.ts';

const DAY_MS = 86_400_000;

/**
 * Deletes the objects that the lifecycle rules of a bucket delete on AWS. Servers of a hospital need not know such rules,
 * and without them the checkpoints of every campaign would stay.
 *
 * @returns number of deleted objects
 */
export async function deleteExpired<K extends string>(
  store: ObjectStore<K>,
  { expiring }: Pick<BucketSpec, 'expiring'>,
  now: Date,
): Promise<number> {
  let deleted = 0;
  for (const { prefix, days } of expiring) {
    for await (const { key, lastModified } of store.list(prefix as K)) {
      if (now.getTime() - lastModified.getTime() <= days * DAY_MS) continue;
      await store.delete(key);
      deleted += 1;
    }
  }
  return deleted;
}

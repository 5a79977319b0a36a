import type { BucketSpec } from '../lib/federation/topology.ts';
import type { ObjectStore } from '../lib/storage/contract.ts';

const DAY_MS = 86_400_000;

export interface Expired {
  /** Number of deleted objects. */
  readonly deleted: number;
  /** An error for each object that cannot be deleted. */
  readonly failures: readonly unknown[];
}

/**
 * Deletes the objects that the lifecycle rules of a bucket delete on AWS. Servers of a hospital need not know such rules,
 * and without them the checkpoints of every campaign would stay. An object that cannot be deleted stops no other.
 */
export async function deleteExpired<K extends string>(
  store: ObjectStore<K>,
  { expiring }: Pick<BucketSpec, 'expiring'>,
  now: Date,
): Promise<Expired> {
  let deleted = 0;
  const failures: unknown[] = [];
  for (const { prefix, days } of expiring) {
    for await (const { key, lastModified } of store.list(prefix as K)) {
      if (now.getTime() - lastModified.getTime() <= days * DAY_MS) continue;
      try {
        await store.delete(key);
        deleted += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  }
  return { deleted, failures };
}

import type { BucketSpec } from '../lib/federation/topology.ts';
import type { ObjectStore } from '../lib/storage/contract.ts';

const DAY_MS = 86_400_000;

export interface Expired {
  /** Number of deleted objects. */
  readonly deleted: number;
  /** Number of those that cannot be deleted, and why the first one of them cannot. */
  readonly kept: number;
  readonly failure?: unknown;
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
  let [deleted, kept] = [0, 0];
  let failure: unknown;
  for (const { prefix, days } of expiring) {
    for await (const { key, lastModified } of store.list(prefix as K)) {
      if (now.getTime() - lastModified.getTime() <= days * DAY_MS) continue;
      try {
        await store.delete(key);
        deleted += 1;
      } catch (error) {
        kept += 1;
        failure ??= error;
      }
    }
  }
  return { deleted, kept, failure };
}

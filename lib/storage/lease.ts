import { randomUUID } from 'node:crypto';
import { type Lease, leaseSchema } from '../federation/schemas.ts';
import type { ObjectStore } from './contract.ts';
import { writeOwned } from './owned.ts';

/** A crashed owner blocks others at most this long. Longer than any step between two renewals. */
const LEASE_SECONDS = 60;

/** A lease that this caller owns. */
export interface OwnedLease {
  /** Extends the lease when half of its time has passed. Long work calls it between steps. */
  renew(): Promise<void>;
  /** Lets others claim the lease at once. */
  release(): Promise<void>;
}

/**
 * Claims a lease, an object that names its owner and its end. It saves duplicate work and guarantees nothing: a wrong
 * clock or an overtaken owner leads to two owners, so the work behind it must be safe to do twice. An expired lease may
 * be taken over by anyone.
 *
 * @returns undefined while another caller owns the lease
 */
export async function claimLease<K extends string>(
  store: Pick<ObjectStore<K>, 'bucket' | 'put' | 'tryGet'>,
  key: NoInfer<K>,
  now: () => Date,
): Promise<OwnedLease | undefined> {
  const holder = randomUUID();
  let until = now();
  let etag: string | undefined;

  /** Replaces the known version of the lease, or creates it. */
  async function write(end: Date) {
    until = end;
    const lease: Lease = { schema: 'fedcardio.lease/1', holder, until: until.toISOString() };
    const result = await writeOwned(store, key, leaseSchema, lease, etag);
    if (result.kind === 'written') etag = result.etag;
    return result;
  }

  const later = () => new Date(now().getTime() + LEASE_SECONDS * 1000);

  const first = await write(later());
  if (first.kind === 'lost') {
    if (!first.stored || Date.parse(first.stored.value.until) > now().getTime()) return undefined;
    etag = first.stored.etag;
    if ((await write(later())).kind === 'lost') return undefined;
  }
  return {
    renew: async () => {
      if (until.getTime() - now().getTime() < (LEASE_SECONDS * 1000) / 2) await write(later());
    },
    release: async () => {
      // The epoch, not now: a caller whose clock is behind would still see the lease as valid.
      await write(new Date(0));
    },
  };
}

import { randomUUID } from 'node:crypto';
import { type Lease, leaseSchema } from '../federation/schemas.ts';
import type { ObjectStore } from './contract.ts';
import { writeOwned } from './owned.ts';

/** A crashed owner blocks others at most this long. Longer than any step between two renewals. */
const LEASE_SECONDS = 60;

/** An end further ahead than this comes from a wrong clock or is forged, and would block a round until then. */
const LONGEST_SECONDS = 120;

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
 * be taken over by anyone, and so may one that ends more than two minutes from now or cannot be read.
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
    const { stored } = first;
    if (!stored || (stored.value && isValid(stored.value, now()))) return undefined;
    etag = stored.etag;
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

function isValid({ until }: Lease, now: Date): boolean {
  const seconds = (Date.parse(until) - now.getTime()) / 1000;
  return seconds > 0 && seconds <= LONGEST_SECONDS;
}

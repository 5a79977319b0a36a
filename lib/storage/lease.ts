import { randomUUID } from 'node:crypto';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { type Lease, leaseSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import type { StoreContext } from '../protocol/ports.ts';
import { writeOwned } from './owned.ts';

/** Longer than anything between two renewals takes, short beside a round: so long a dead holder keeps others waiting. */
const LEASE_SECONDS = 60;

/** The right to merge a round, while others who see that it could be merged leave it. */
export interface HeldLease {
  /** Puts off its end, when that comes near. To be called now and then by a merge that goes on. */
  renew(): Promise<void>;
  /** Lets others have it at once. */
  release(): Promise<void>;
}

/**
 * Claims a round's merge, or says that somebody else is at it. It saves work and decides nothing: seal and commit are
 * created once whoever merges, so that a clock that is wrong, a holder that was overtaken, or two holders at once do
 * no harm. A lease that has run out is anybody's.
 */
export async function claimMerge(
  { objects, federation, now }: Pick<StoreContext, 'objects' | 'federation' | 'now'>,
  at: RoundAddress,
): Promise<HeldLease | undefined> {
  const bucket = names.federationBucket(federation.id);
  const key = federationKeys.lease(at);
  const holder = randomUUID();
  let until = now();
  let etag: string | undefined;

  /** Writes the lease over the one that is known, or over none. */
  async function write(end: Date) {
    until = end;
    const lease: Lease = { schema: 'fedcardio.lease/1', holder, until: until.toISOString() };
    const result = await writeOwned(objects, bucket, key, leaseSchema, lease, etag);
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
      // Now would be too late for those whose clocks are behind.
      await write(new Date(0));
    },
  };
}

import { randomUUID } from 'node:crypto';
import { isFedcardioError } from '../../error.ts';
import { federationKeys, type RoundAddress } from '../keys.ts';
import { type Lease, leaseSchema } from '../schemas.ts';
import { names } from '../topology.ts';
import { type StoredDocument, tryReadJson } from './documents.ts';
import { canonicalJson } from './json.ts';
import type { StoreContext } from './ports.ts';

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

  /** Writes the lease over the one that is known, or over none. Returns what another has written there meanwhile. */
  async function write(end: Date): Promise<'written' | StoredDocument<Lease> | 'gone'> {
    until = end;
    const body = canonicalJson({ schema: 'fedcardio.lease/1', holder, until: until.toISOString() });
    const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
    try {
      etag = (await objects.put(bucket, key, body, condition)).etag;
      return 'written';
    } catch (error) {
      if (!isFedcardioError(error, 'PRECONDITION_FAILED') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
      const stored = await tryReadJson(objects, bucket, key, leaseSchema);
      if (stored?.value.holder !== holder) return stored ?? 'gone';
      // A write whose answer was lost is repeated, and then fails on its own success.
      etag = stored.etag;
      return 'written';
    }
  }

  const later = () => new Date(now().getTime() + LEASE_SECONDS * 1000);

  const first = await write(later());
  if (first !== 'written') {
    if (first === 'gone' || Date.parse(first.value.until) > now().getTime()) return undefined;
    etag = first.etag;
    if ((await write(later())) !== 'written') return undefined;
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

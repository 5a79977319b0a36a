import { randomUUID } from 'node:crypto';
import { describeError } from '../../lib/error.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import type { FederationStore, ObjectStore, SiteStore } from '../../lib/storage/contract.ts';
import { attempt, type Finding, failed, ok, warning } from './finding.ts';

/** Tries what may be done with the federation bucket. */
export const checkFederationBucket = (store: FederationStore): Promise<Finding> =>
  checkBucket('federation bucket', store, federationKeys.campaignsPrefix, federationKeys.doctor(randomUUID()));

/** Tries what may be done with a site's bucket. */
export const checkSiteBucket = (site: string, store: SiteStore): Promise<Finding> =>
  checkBucket(`bucket of ${site}`, store, siteKeys.catalogPrefix, siteKeys.doctor(randomUUID()));

/** Lists, then writes, reads and deletes an object that nothing reacts to. Most roles may not write it. */
const checkBucket = <K extends string>(check: string, store: ObjectStore<K>, prefix: K, scratch: K): Promise<Finding> =>
  attempt(check, async () => {
    for await (const _ of store.list(prefix)) break;
    try {
      await store.put(scratch, 'fedcardio doctor');
    } catch (error) {
      return warning(
        check,
        `${store.bucket} can be listed, not written: ${describeError(error)}`,
        'None, if this identity is only to read. Otherwise use a role that docs/security.md lists.',
      );
    }
    const isSame = Buffer.from((await store.get(scratch)).body).toString() === 'fedcardio doctor';
    await store.delete(scratch);
    return isSame
      ? ok(check, `${store.bucket} can be listed, written and read`)
      : failed(check, `${store.bucket} returned other bytes than were written`, 'Do not use this storage.');
  });

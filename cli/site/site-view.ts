import type { Federation } from '../../lib/federation/schemas.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { type CampaignFlags, federationOf, openBuckets } from '../campaign.ts';
import { explainedStores, requireKnownSite } from '../missing-bucket.ts';

/** A site as the options of a command select it. */
export interface SiteView extends Stores {
  /** Its bucket. */
  readonly store: SiteStore;
  /** `federation.json`, if the options name the file. */
  readonly declared: Federation | undefined;
}

/**
 * A site's bucket as the options select it, and the federation's.
 *
 * @throws FedcardioError NOT_FOUND if federation.json has no such site, BAD_CONFIGURATION for an on-premises site without
 *   FEDCARDIO_SITE_ENDPOINT
 */
export async function openSite(site: string, flags: Pick<CampaignFlags, 'endpoint' | 'federation'>): Promise<SiteView> {
  const place = { ...federationOf(flags), endpoint: flags.endpoint };
  requireKnownSite(site, place);
  const { storesOf } = await import('../../lib/storage/stores.ts');
  const stores = await explainedStores(storesOf(await openBuckets(flags), place.id), place);
  return { ...stores, store: stores.siteStore(site), declared: place.declared };
}

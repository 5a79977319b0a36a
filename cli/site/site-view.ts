import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { type CampaignFlags, federationOf, openBuckets } from '../campaign.ts';

/** A site's bucket as the options select it, and the federation's. */
export async function openSite(site: string, flags: CampaignFlags): Promise<Stores & { readonly store: SiteStore }> {
  const { storesOf } = await import('../../lib/storage/stores.ts');
  const stores = storesOf(await openBuckets(flags), federationOf(flags).id);
  return { ...stores, store: stores.siteStore(site) };
}

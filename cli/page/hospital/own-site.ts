import type { SiteStore } from '../../../lib/storage/contract.ts';
import type { PageContext } from '../context.ts';
import { Refusal } from '../http/errors.ts';

/** The site whose page it is, and its bucket. */
export function ownSite({ site, siteStore }: PageContext): { readonly site: string; readonly store: SiteStore } {
  if (site === undefined) throw new Refusal(403, 'FORBIDDEN', 'This is for a site.');
  return { site, store: siteStore(site) };
}

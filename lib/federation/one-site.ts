import type { Federation, Site } from './schemas.ts';

/**
 * The part of a federation that one hospital needs to deploy its own site: the same stacks as from the whole file, and none
 * of another site or of the coordinator. Nothing names the other hospitals.
 */
export function federationForSite(
  { $schema: _, minSites: __, researchers: ___, objectLockDays: ____, tasks: _____, ...federation }: Federation,
  site: Site,
): Federation {
  return { ...federation, onlySite: site.id, sites: [site] };
}

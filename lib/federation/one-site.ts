import type { Federation, Site } from './schemas.ts';

/**
 * The part of a federation that one hospital needs to deploy its own site: the same stacks as from the whole file, and none
 * of another site or of the coordinator. Nothing names the other hospitals.
 */
export const federationForSite = (federation: Federation, site: Site): Federation => ({
  ...Object.fromEntries(Object.entries(federation).filter(([field]) => !LEFT_OUT.includes(field))),
  ...(isFirstOfAccount(federation, site) ? {} : { budget: undefined }),
  schema: federation.schema,
  id: federation.id,
  onlySite: site.id,
  sites: [site],
});

/** Fields of the coordinator alone. */
const LEFT_OUT = ['$schema', 'minSites', 'researchers', 'subscribers', 'objectLockDays', 'tasks'];

/** Whether the site is the first one of an account other than the coordinator's. */
export const isFirstOfAccount = ({ account, sites }: Federation, site: Site): boolean =>
  site.account !== undefined &&
  site.account !== account &&
  sites.find((other) => other.account === site.account)?.id === site.id;

import { FEDERATION_ACCESS, type SiteAccess, siteAccess } from '../../lib/federation/access.ts';
import type { FederationRole, SiteRole } from '../../lib/federation/topology.ts';
import { enforceAccess } from '../../lib/storage/access-view.ts';
import type { Stores } from '../../lib/storage/contract.ts';

/** A context whose stores allow what a role of a site may do, as declared in lib/federation/access.ts. */
export const asSiteRole = <C extends Stores>(context: C, site: string, role: SiteRole): C =>
  withAccess(context, site, siteAccess(site)[role]);

/** A context whose stores allow what a role of the coordinator may do. */
export const asFederationRole = <C extends Stores>(context: C, role: FederationRole): C =>
  withAccess(context, undefined, { own: {}, federation: FEDERATION_ACCESS[role] });

function withAccess<C extends Stores>(context: C, own: string | undefined, access: SiteAccess): C {
  const { federationStore, siteStore } = context;
  return {
    ...context,
    federationStore: enforceAccess(federationStore, access.federation),
    siteStore: (site) => enforceAccess(siteStore(site), site === own ? access.own : {}),
  };
}

import { assumedRole } from '../../lib/aws/account/assume.ts';
import { callerOf } from '../../lib/aws/account/caller.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { Federation, Site } from '../../lib/federation/schemas.ts';
import { names, placeOf, type SiteRole } from '../../lib/federation/topology.ts';
import type { FederationStore, OpenBucket, SiteStore } from '../../lib/storage/contract.ts';

/** The buckets, each as whoever does this work on AWS sees them. */
export interface SmokeStores {
  readonly research: FederationStore;
  readonly upload: (site: string) => SiteStore;
  readonly withdraw: (site: string) => { readonly store: SiteStore; readonly federationStore: FederationStore };
}

/** Everything as the present identity, such as against a server on this machine. */
export function ownStores(openBucket: OpenBucket, federation: string): SmokeStores {
  const federationStore = openBucket(names.federationBucket(federation)) as FederationStore;
  const siteStore = (site: string) => openBucket(names.siteBucket(federation, site)) as SiteStore;
  return {
    research: federationStore,
    upload: siteStore,
    withdraw: (site) => ({ store: siteStore(site), federationStore }),
  };
}

/** On AWS: as the roles of the deployment, which the present identity must be allowed to assume. */
export async function assumedStores(federation: Federation): Promise<SmokeStores> {
  const { account, arn, region } = await callerOf({});
  const partition = arn.split(':')[1] ?? 'aws';
  const openAs = (place: ReturnType<typeof placeOf>, role: string): OpenBucket => {
    const own = place.region ?? region;
    const roleArn = `arn:${partition}:iam::${place.account ?? account}:role/${role}`;
    return createObjectStorage({ region: own, renewCredentials: assumedRole({ region: own }, roleArn) });
  };
  const siteOf = (id: string) => federation.sites.find((site) => site.id === id) as Site;
  const openSite = (id: string, role: SiteRole) =>
    openAs(placeOf(federation, siteOf(id)), names.siteRole(federation.id, id, role));
  const inFederation = names.federationBucket(federation.id);
  const inSite = (id: string) => names.siteBucket(federation.id, id);
  return {
    research: openAs(placeOf(federation), names.federationRole(federation.id, 'research'))(inFederation),
    upload: (id) => openSite(id, 'upload')(inSite(id)),
    withdraw: (id) => {
      const open = openSite(id, 'withdraw');
      return { store: open(inSite(id)), federationStore: open(inFederation) };
    },
  };
}

import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FEDERATION_ACCESS, machineAccess } from '../../lib/federation/access.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import type { Place } from '../../lib/federation/topology.ts';
import { enforceAccess } from '../../lib/storage/access-view.ts';
import type { FederationStore, OpenBucket, Queues, Stores } from '../../lib/storage/contract.ts';
import { createListedReader } from '../../lib/storage/listed-reads.ts';
import { storesOf, wrapBuckets } from '../../lib/storage/stores.ts';
import type { Role } from '../../page/api/routes.ts';
import { createMeter, type Meter, meteredStore } from './meter.ts';

/** What handlers of the page work with. Its stores allow what the viewer's role may do, and count every request. */
export interface PageContext extends Stores {
  readonly role: Role;
  /** Whose page it is; only with the role `site`. */
  readonly site: string | undefined;
  /** Without sites if no federation.json names them. */
  readonly federation: Federation;
  /** `federation.json`, if there is one. */
  readonly declared: Federation | undefined;
  /** For what is read again and again: after a listing, only documents that it shows as new or changed are read. */
  readonly reader: Pick<FederationStore, 'bucket' | 'tryGet' | 'list' | 'folders'>;
  /** S3 endpoint; undefined for AWS. */
  readonly endpoint: string | undefined;
  /** Folders of the hospital's own machine; only with the role `site`. */
  readonly machine: SiteMachine | undefined;
  /** Folder on this machine for what the page makes, such as predictions. */
  readonly work: string;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly meter: Meter;
  /** Queues of the federation, with the viewer's credentials. Their client is loaded when it is first needed. */
  readonly openQueues: (placeOf: (queue: string) => Place) => Promise<Queues>;
}

/** What a hospital keeps on the machine that serves its page. */
export interface SiteMachine {
  /** The log of `site run`, if the site is on this machine. */
  readonly sentLog: string;
  /** Folder of the secret of the pseudonyms, and of their map. */
  readonly pseudonyms: string;
}

export interface PageContextOptions {
  /** Opens buckets with the viewer's own credentials. */
  readonly openBucket: OpenBucket;
  readonly id: string;
  readonly declared: Federation | undefined;
  readonly site?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly machine?: SiteMachine | undefined;
  readonly work?: string;
  readonly meter?: Meter;
  readonly openQueues?: PageContext['openQueues'] | undefined;
}

/** The context of a viewer: a hospital's if a site is given, otherwise the coordinator's. */
export function createPageContext({
  openBucket,
  id,
  declared,
  site,
  endpoint,
  machine,
  work = resolve('.fedcardio', 'page'),
  ...options
}: PageContextOptions): PageContext {
  const meter = options.meter ?? createMeter({ now: () => performance.now(), sleep });
  const stores = storesOf(
    wrapBuckets(openBucket, (store) => meteredStore(store, meter)),
    id,
  );
  const federationStore = enforceAccess(stores.federationStore, site === undefined ? COORDINATOR : siteViewer(site));
  return {
    role: site === undefined ? 'coordinator' : 'site',
    site,
    federation: declared ?? { schema: 'fedcardio.federation/1', id, sites: [] },
    declared,
    federationStore,
    // A site's own bucket is its own: the credentials alone decide what the viewer may do there.
    siteStore: (other) => (other === site ? stores.siteStore(other) : enforceAccess(stores.siteStore(other), {})),
    reader: { ...createListedReader(federationStore), folders: federationStore.folders },
    endpoint,
    machine,
    work,
    now: () => new Date(),
    log: () => undefined,
    meter,
    openQueues:
      options.openQueues ??
      (async (placeOf) => {
        const { createQueues } = await import('../../lib/aws/queues.ts');
        return createQueues({ endpoint, placeOf });
      }),
  };
}

/** The coordinator's people have the role `research`. */
const COORDINATOR = FEDERATION_ACCESS.research;

/** What a site's roles read of the federation. The page of a hospital writes nothing there but the site's own answers. */
function siteViewer(site: string) {
  const { read = [], list = [] } = machineAccess(site);
  return { read, list, write: [federationKeys.consent(site, '*')] };
}

import { FedcardioError, isFedcardioError } from '../lib/error.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type Federation, isOnPremises } from '../lib/federation/schemas.ts';
import { nearest } from '../lib/nearest.ts';
import { printable } from '../lib/printable.ts';
import type { FederationStore, ObjectStore, Stores } from '../lib/storage/contract.ts';

/** Where a command looks for a federation. */
export interface Place {
  /** Id of the federation. */
  readonly id: string;
  readonly declared: Federation | undefined;
  readonly endpoint: string | undefined;
}

/** The address of a site's own storage on the hospital's machine, if the environment names one. */
const ownEndpoint = (): string | undefined => process.env.FEDCARDIO_SITE_ENDPOINT || undefined;

const OWN_STORAGE =
  'On that machine, set FEDCARDIO_SITE_ENDPOINT to the address that `site run` prints as "uploads", such as http://127.0.0.1:4566, and FEDCARDIO_SENT_LOG to the file that it prints as "sent".';

/**
 * Requires that a site is one of federation.json, and that its bucket can be reached. Without the file, nothing is known.
 *
 * @throws FedcardioError NOT_FOUND with the nearest id; BAD_CONFIGURATION if an on-premises site's own storage is not named
 */
export function requireKnownSite(site: string, { id, declared }: Pick<Place, 'id' | 'declared'>): void {
  if (!declared) return;
  const found = declared.sites.find((candidate) => candidate.id === site);
  if (!found) throw noSuchSite(site, id, idsOf(declared));
  if (!isOnPremises(found) || ownEndpoint() !== undefined) return;
  const text = `Site "${site}" is on-premises: its bucket is on the hospital's own machine, and FEDCARDIO_SITE_ENDPOINT is not set.`;
  throw new FedcardioError('BAD_CONFIGURATION', text, { hint: OWN_STORAGE });
}

/** The stores with words for a bucket that does not exist: which federation or site there is not. */
export async function explainedStores(stores: Stores, place: Place): Promise<Stores> {
  const [{ isMissingBucket }, { waitingStore }] = await Promise.all([
    import('../lib/aws/failures.ts'),
    import('../lib/storage/outages.ts'),
  ]);
  const explained = <K extends string>(store: ObjectStore<K>, explain: () => Promise<FedcardioError>) =>
    waitingStore(store, async (work) => {
      try {
        return await work();
      } catch (error) {
        throw isMissingBucket(error) ? await explain() : error;
      }
    });
  const { federationStore, siteStore } = stores;
  return {
    federationStore: explained(federationStore, async () => noSuchFederation(place)),
    siteStore: (site) => explained(siteStore(site), () => missingSite(site, place, federationStore)),
  };
}

/**
 * Requires that a site's bucket exists. What else is wrong with it shows when it is used.
 *
 * @throws FedcardioError NOT_FOUND
 */
export async function requireSiteBucket(site: string, stores: Stores, place: Place): Promise<void> {
  const { siteStore } = await explainedStores(stores, place);
  try {
    for await (const _ of siteStore(site).list(siteKeys.policy)) return;
  } catch (error) {
    if (isFedcardioError(error, 'NOT_FOUND')) throw error;
  }
}

function noSuchFederation({ id, declared, endpoint }: Place): FedcardioError {
  const at = endpoint === undefined ? 'in this AWS account and region' : `at ${endpoint}`;
  return new FedcardioError('NOT_FOUND', `There is no federation "${printable(id)}" ${at}.`, {
    hint: `Check --federation${declared ? '' : ', which names an id or the path of a federation.json,'} and --endpoint, and that the federation is deployed.`,
  });
}

async function missingSite(
  site: string,
  { id, declared }: Place,
  federationStore: Pick<FederationStore, 'folders'>,
): Promise<FedcardioError> {
  const own = ownEndpoint();
  const ids = declared ? idsOf(declared) : await knownSites(federationStore);
  if (!ids?.includes(site) && own === undefined) return noSuchSite(site, id, ids);
  const where = own === undefined ? '' : ` at ${own}, which FEDCARDIO_SITE_ENDPOINT names`;
  return new FedcardioError(
    'NOT_FOUND',
    `Site "${printable(site)}" of federation "${id}" has no bucket${where || ' here'}.`,
    {
      hint:
        own === undefined
          ? `If it is on the hospital's own machine: ${OWN_STORAGE}`
          : 'Check both ids, and the address.',
    },
  );
}

function noSuchSite(site: string, federation: string, ids: readonly string[] | undefined): FedcardioError {
  const near = nearest(site, ids ?? []);
  const listed = ids?.length
    ? `Its sites are ${ids.map(printable).join(', ')}.`
    : 'Check its id, --federation and --endpoint.';
  return new FedcardioError('NOT_FOUND', `Federation "${printable(federation)}" has no site "${printable(site)}".`, {
    hint: near === undefined ? listed : `Did you mean "${printable(near)}"? ${listed}`,
  });
}

const idsOf = ({ sites }: Federation): readonly string[] => sites.map(({ id }) => id);

/** Sites that have sent counts; undefined for roles that may not list them. */
async function knownSites(store: Pick<FederationStore, 'folders'>): Promise<readonly string[] | undefined> {
  try {
    const ids: string[] = [];
    for await (const folder of store.folders(federationKeys.summaryPrefix)) {
      ids.push(folder.slice(federationKeys.summaryPrefix.length, -1));
    }
    return ids;
  } catch {
    return undefined;
  }
}

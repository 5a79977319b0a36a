import { mapConcurrently } from '../async.ts';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import { listed } from '../storage/listed.ts';

const LISTS_AT_ONCE = 16;

/** Up to so many sites are looked up one by one: each has a key for every campaign and every withdrawal. */
const FEW_SITES = 2;

/** Most keys of one site that are passed over in the listing of all. Each campaign and each withdrawal leaves one. */
const MAX_KEYS = 1000;

/** Objects by key. */
export type Listed = ReadonlyMap<FederationKey, ObjectInfo<FederationKey>>;

/**
 * The stored summaries of sites, and their answers to a campaign: one listing for all, or one for each key of a few. A site that
 * fills its folder costs at most {@link MAX_KEYS} keys; the sites behind it are then looked up one by one, so that it hides nobody.
 */
export async function listSites(
  store: Pick<FederationStore, 'list'>,
  sites: readonly string[],
  campaign: string,
): Promise<Listed> {
  const wanted = new Set(
    sites.flatMap((site) => [federationKeys.summary(site), federationKeys.consent(site, campaign)]),
  );
  if (sites.length <= FEW_SITES) return lookUp(store, [...wanted]);
  const found = new Map<FederationKey, ObjectInfo<FederationKey>>();
  let [site, keys] = ['', 0];
  for await (const info of store.list(federationKeys.summaryPrefix)) {
    const owner = info.key.split('/', 2).join('/');
    keys = owner === site ? keys + 1 : 1;
    site = owner;
    if (wanted.delete(info.key)) found.set(info.key, info);
    if (keys > MAX_KEYS) return new Map([...found, ...(await lookUp(store, [...wanted]))]);
  }
  return found;
}

/** Objects of which the keys are known. A listing of one key begins with it. */
async function lookUp(store: Pick<FederationStore, 'list'>, keys: readonly FederationKey[]): Promise<Listed> {
  const found = await mapConcurrently(keys, LISTS_AT_ONCE, (key) => listed(store, key));
  return new Map(found.flatMap((info) => (info ? [[info.key, info]] : [])));
}

import { type Location, locationsOf } from '../../cdk/locations.ts';
import { FedcardioError } from '../../lib/error.ts';
import { type Federation, GPU_DEFAULTS, isOnPremises, type Site } from '../../lib/federation/schemas.ts';
import { encryptionOf } from '../../lib/federation/topology.ts';
import type { Prices } from './prices.ts';

/** What determines the cost of an idle month, in one account or in all together. */
export interface Resources {
  /** Number of coordinators: 1 in the coordinator's account, else 0. */
  readonly coordinators: number;
  /** Number of sites on AWS. */
  readonly sites: number;
  /** Number of sites on machines of their own, which have only a queue on AWS, in the coordinator's account. */
  readonly onPremises: number;
  /** Number of pairs of account and region: each has its own network. */
  readonly networks: number;
  /** Number of networks in another region than the federation bucket. */
  readonly remoteNetworks: number;
  /** Number of customer keys. */
  readonly keys: number;
  /** Number of dashboards. */
  readonly dashboards: number;
}

export interface Deployed extends Resources {
  /** Number of sites in another region than the federation bucket. */
  readonly remote: number;
  /** GPU instance of each site, the first type that it names, and its price, USD per hour. */
  readonly gpuHours: readonly { readonly instance: string; readonly usd: number }[];
  /** The accounts of the federation, the coordinator's first. */
  readonly accounts: readonly (Resources & { readonly account: string })[];
}

/** @throws FedcardioError BAD_CONFIGURATION for an instance type without a price */
export function deployedOf(federation: Federation, prices: Prices): Deployed {
  const onAws = federation.sites.filter((site) => !isOnPremises(site));
  const parts = locationsOf(federation).map((location) => ({
    account: location.place.account ?? "the deployer's",
    ...resourcesOf(federation, location),
  }));
  const names = [...new Set(parts.map(({ account }) => account))];
  return {
    ...sumOf(parts),
    remote: onAws.filter(({ region }) => region !== undefined && region !== federation.region).length,
    gpuHours: onAws.map(({ gpu }) => {
      const [instance] = (gpu?.instanceTypes ?? GPU_DEFAULTS.instanceTypes) as [string];
      return { instance, usd: instancePrice(instance, prices) };
    }),
    accounts: names.map((account) => ({ account, ...sumOf(parts.filter((part) => part.account === account)) })),
  };
}

/** The federation with an account for each site on AWS. */
export function withOwnAccounts(federation: Federation): Federation {
  const region = federation.region ?? 'us-east-1';
  const accountOf = (index: number) => String(index).padStart(12, '0');
  return {
    ...federation,
    account: accountOf(0),
    region,
    sites: federation.sites.map((site, index) =>
      isOnPremises(site) ? site : { ...site, account: accountOf(index + 1), region: site.region ?? region },
    ),
  };
}

function resourcesOf(federation: Federation, { place, owners }: Location): Resources {
  const sites = owners.filter((owner) => owner !== undefined);
  const onPremises = sites.filter(isOnPremises).length;
  const coordinators = owners.length - sites.length;
  return {
    coordinators,
    sites: sites.length - onPremises,
    onPremises,
    networks: 1,
    remoteNetworks: place.region === federation.region ? 0 : 1,
    keys: keysOf(federation, owners),
    dashboards: federation.dashboard === false ? 0 : coordinators,
  };
}

/** Customer keys with `key-per-bucket`: of objects and of messages, if there are any, and of logs and alarms. */
const OWN_KEYS = { coordinator: 3, site: 3, machine: 2, network: 1 } as const;

function keysOf(federation: Federation, owners: readonly (Site | undefined)[]): number {
  const isShared = owners.some((owner) => encryptionOf(federation, owner) === 'shared-key');
  const own = owners.filter((owner) => encryptionOf(federation, owner) === 'key-per-bucket');
  const ofOwners = own.map((owner) =>
    owner ? OWN_KEYS[isOnPremises(owner) ? 'machine' : 'site'] : OWN_KEYS.coordinator,
  );
  const ofNetwork = encryptionOf(federation, owners[0]) === 'key-per-bucket' ? OWN_KEYS.network : 0;
  return ofOwners.reduce<number>((sum, keys) => sum + keys, 0) + ofNetwork + (isShared ? 1 : 0);
}

function sumOf(parts: readonly Resources[]): Resources {
  const sum = (of: (part: Resources) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    coordinators: sum((part) => part.coordinators),
    sites: sum((part) => part.sites),
    onPremises: sum((part) => part.onPremises),
    networks: sum((part) => part.networks),
    remoteNetworks: sum((part) => part.remoteNetworks),
    keys: sum((part) => part.keys),
    dashboards: sum((part) => part.dashboards),
  };
}

export function instancePrice(instance: string, { instanceHour, region, asOf }: Prices): number {
  const usd = instanceHour[instance];
  if (usd !== undefined) return usd;
  throw new FedcardioError('BAD_CONFIGURATION', `The prices in ${region} on ${asOf} do not include ${instance}.`, {
    hint: 'To estimate it, copy the table that `fedcardio cost --json` prints as "prices", add the instance, and name the file with `fedcardio cost --prices`.',
  });
}

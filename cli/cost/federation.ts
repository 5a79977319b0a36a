import { FedcardioError } from '../../lib/error.ts';
import { type Federation, isOnPremises } from '../../lib/federation/schemas.ts';
import type { Prices } from './prices.ts';

/** The parts of a federation that determine its cost. */
interface Place {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}
type Site = Federation['sites'][number] &
  Place & { readonly gpu?: { readonly instanceTypes?: readonly string[] | undefined } | undefined };

const DEFAULT_INSTANCE = 'g5.xlarge';

export interface Deployed {
  /** Number of sites on AWS. */
  readonly sites: number;
  /** Number of sites on machines of their own, which have only a queue on AWS. */
  readonly onPremises: number;
  /** Number of pairs of account and region: each has its own network. */
  readonly places: number;
  /** Number of sites in another region than the federation bucket. */
  readonly remote: number;
  /** GPU instance of each site, the first type that it names, and its price, USD per hour. */
  readonly gpuHours: readonly { readonly instance: string; readonly usd: number }[];
}

/** @throws FedcardioError BAD_CONFIGURATION for an instance type without a price */
export function deployedOf(federation: Federation, prices: Prices): Deployed {
  const home: Federation & Place = federation;
  const sites: readonly Site[] = federation.sites.filter((site) => !isOnPremises(site));
  const placeOf = ({ account = home.account, region = home.region }: Place) => `${account}/${region}`;
  return {
    sites: sites.length,
    onPremises: federation.sites.length - sites.length,
    places: new Set([home, ...sites].map(placeOf)).size,
    remote: sites.filter(({ region }) => region !== undefined && region !== home.region).length,
    gpuHours: sites.map(({ gpu }) => {
      const instance = gpu?.instanceTypes?.[0] ?? DEFAULT_INSTANCE;
      return { instance, usd: instancePrice(instance, prices) };
    }),
  };
}

export function instancePrice(instance: string, { instanceHour, region, asOf }: Prices): number {
  const usd = instanceHour[instance];
  if (usd !== undefined) return usd;
  throw new FedcardioError('BAD_CONFIGURATION', `The prices in ${region} on ${asOf} do not include ${instance}.`, {
    hint: 'Copy the table that --json prints as "prices", add the instance, and name the file with --prices.',
  });
}

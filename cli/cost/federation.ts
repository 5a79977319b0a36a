import { FedcardioError } from '../../lib/error.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import type { Prices } from './prices.ts';

/** What of a federation decides on its costs. Places and instances are named where a federation is deployed to AWS. */
interface Place {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}
type Site = Federation['sites'][number] &
  Place & { readonly gpu?: { readonly instanceTypes?: readonly string[] | undefined } | undefined };

const DEFAULT_INSTANCE = 'g5.xlarge';

export interface Deployed {
  readonly sites: number;
  /** Accounts and regions that anything runs in: each has a network of its own. */
  readonly places: number;
  /** Sites in another region than the federation's bucket. */
  readonly remote: number;
  /** Price of each site's GPU instance, USD an hour: the first type that the site names. */
  readonly gpuHours: readonly { readonly instance: string; readonly usd: number }[];
}

/** @throws FedcardioError BAD_CONFIGURATION for an instance type that the table has no price of */
export function deployedOf(federation: Federation, prices: Prices): Deployed {
  const home: Federation & Place = federation;
  const sites: readonly Site[] = federation.sites;
  const placeOf = ({ account = home.account, region = home.region }: Place) => `${account}/${region}`;
  return {
    sites: sites.length,
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
  throw new FedcardioError('BAD_CONFIGURATION', `The prices of ${region} of ${asOf} have none of ${instance}.`, {
    hint: 'Copy the table that --json prints as "prices", add the instance, and name the file with --prices.',
  });
}

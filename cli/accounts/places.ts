import { FedcardioError } from '../../lib/error.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { placeOf } from '../../lib/federation/topology.ts';
import type { Identity } from './identify.ts';

/** An account and region of a federation, and the identity that reaches it. */
export interface ReachedPlace {
  readonly account: string;
  readonly region: string;
  /** Undefined if no identity is of this account. */
  readonly identity: Identity | undefined;
}

/** The accounts and regions of the coordinator and the sites, without duplicates. */
export function placesOf(federation: Federation, identities: readonly Identity[]): readonly ReachedPlace[] {
  const [first] = identities;
  const places = [undefined, ...federation.sites].map((site) => {
    const { account = first?.account ?? '', region = first?.region ?? '' } = placeOf(federation, site);
    return { account, region, identity: identities.find((one) => one.account === account) };
  });
  return [...new Map(places.map((place) => [`${place.account}/${place.region}`, place])).values()];
}

/** The first refusal, if no profile can be used. */
export function requireIdentity(identities: readonly Identity[], error: unknown): void {
  if (identities.length > 0) return;
  throw error ?? new FedcardioError('BAD_CONFIGURATION', 'There is no identity to ask AWS with.');
}

import type { Federation, Site } from '../lib/federation/schemas.ts';
import { isOnPremises } from '../lib/federation/schemas.ts';
import { type Place, placeOf } from '../lib/federation/topology.ts';

/** An account and region, and who is in it. */
export interface Location {
  readonly place: Place;
  /** Name of a stack of this account and region. It depends on no other site. */
  readonly stackName: (kind: string) => string;
  /** Undefined stands for the coordinator. */
  readonly owners: readonly (Site | undefined)[];
}

const isSame = (a: Place, b: Place) => a.account === b.account && a.region === b.region;

/**
 * Every account and region of a federation, the coordinator's first. On-premises sites count as the coordinator's: what they
 * have on AWS is there.
 */
export function locationsOf(federation: Federation): readonly Location[] {
  const home = placeOf(federation);
  const coordinator = federation.onlySite === undefined ? [undefined] : [];
  const owners = [...coordinator, ...federation.sites].map((owner) => ({
    owner,
    place: owner && isOnPremises(owner) ? home : placeOf(federation, owner),
  }));
  const places = owners
    .map(({ place }) => place)
    .filter((place, index, all) => all.findIndex((one) => isSame(one, place)) === index);
  return places.map((place) => ({
    place,
    stackName: (kind) => [federation.id, kind, ...(isSame(place, home) ? [] : [place.account, place.region])].join('-'),
    owners: owners.filter((one) => isSame(one.place, place)).map(({ owner }) => owner),
  }));
}

import type { z } from 'zod';
import type { Person, zonesField } from './aws-options.ts';

interface Placed {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
  readonly zones?: z.infer<typeof zonesField> | undefined;
}

interface Roles extends Placed {
  readonly uploaders?: readonly Person[] | undefined;
  readonly withdrawers?: readonly Person[] | undefined;
}

interface Checked extends Placed {
  readonly researchers?: readonly Person[] | undefined;
  readonly sites: readonly Roles[];
}

type Fault = (path: readonly PropertyKey[], message: string) => void;

/** Rules of what is on AWS that span several fields of `federation.json`. */
export function checkAws(federation: Checked, fault: Fault): void {
  checkZones(federation.region, federation.zones, (message) => fault(['zones'], message));
  checkPeople(federation.account, federation.researchers, (path, message) => fault(['researchers', ...path], message));
  const zonesAt = new Map([[placeName(federation), federation.zones]]);
  federation.sites.forEach((site, index) => {
    const at = ['sites', index];
    const place = { account: site.account ?? federation.account, region: site.region ?? federation.region };
    checkZones(place.region, site.zones, (message) => fault([...at, 'zones'], message));
    if (site.zones) {
      const others = zonesAt.get(placeName(place));
      if (others && others.join() !== site.zones.join()) {
        fault([...at, 'zones'], `the network of this account and region has the zones ${others.join(', ')} already`);
      }
      zonesAt.set(placeName(place), site.zones);
    }
    for (const field of ['uploaders', 'withdrawers'] as const) {
      checkPeople(place.account, site[field], (path, message) => fault([...at, field, ...path], message));
    }
  });
}

const placeName = ({ account, region }: Placed): string => `${account}/${region}`;

function checkZones(region: string | undefined, zones: Placed['zones'] = [], fault: (message: string) => void): void {
  for (const zone of zones) {
    if (region !== undefined && zone.slice(0, -1) !== region) fault(`${zone} is not a zone of ${region}`);
  }
}

/** IAM accepts only identity providers of the role's own account. */
function checkPeople(account: string | undefined, people: readonly Person[] = [], fault: Fault): void {
  people.forEach((person, index) => {
    if (typeof person === 'string') return;
    const [path, arn] = person.oidc ? [['oidc', 'provider'], person.oidc.provider] : [['saml'], person.saml];
    const owner = arn?.split(':')[4];
    if (owner === undefined || account === undefined || owner === account) return;
    fault([index, ...path], `the provider is in account ${owner}, the role is in ${account}`);
  });
}

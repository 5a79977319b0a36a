import { FEDERATION } from '../../cdk/isolation/example-federation.ts';
import type { Federation, Site } from '../../lib/federation/schemas.ts';

interface Place {
  readonly account: string;
  readonly region: string;
}

const COORDINATOR: Place = { account: '111122223333', region: 'eu-central-1' };
const SECOND_REGION: Place = { ...COORDINATOR, region: 'eu-west-1' };
const otherAccount = (index: number): Place => ({ ...COORDINATOR, account: String(444_455_556_000 + index) });

const image = ({ account, region }: Place) => `${account}.dkr.ecr.${region}.amazonaws.com/fedcardio:1.0.0`;

/** Ids are as long as those of real hospitals. */
const siteOf = (place: Place, index: number): Site => ({
  id: `universitaetsklinik-${String(index + 1).padStart(2, '0')}`,
  name: `Universitätsklinik ${index + 1}`,
  ...place,
  image: image(place),
});

/** A federation of the given numbers of sites at places. */
const federationOf = (...groups: readonly (readonly [number, Place])[]): Federation => ({
  ...FEDERATION,
  id: 'fedcardio',
  ...COORDINATOR,
  sites: groups.flatMap(([sites, place]) => Array<Place>(sites).fill(place)).map(siteOf),
});

/**
 * The federations whose templates the tools check. AWS Batch allows 50 compute environments and 50 job queues in an account
 * and region, so that 64 sites need several.
 */
export const FEDERATIONS: Readonly<Record<string, Federation>> = {
  '1 site': federationOf([1, COORDINATOR]),
  '8 sites in one account': federationOf([8, COORDINATOR]),
  '64 sites in two accounts and two regions': federationOf(
    [22, COORDINATOR],
    [22, SECOND_REGION],
    [20, otherAccount(0)],
  ),
  '25 sites, each in an account of its own': federationOf(
    ...Array.from({ length: 25 }, (_, index) => [1, otherAccount(index)] as const),
  ),
  'sites in two regions and on-premises': FEDERATION,
};

import {
  DescribeAvailabilityZonesCommand,
  EC2Client,
  paginateDescribeInstanceTypeOfferings,
} from '@aws-sdk/client-ec2';
import { type AccountOptions, attempt, configOf } from './attempt.ts';

/** Names of the region's availability zones in byte order, as `Fn::GetAZs` lists them in a new account. */
export async function listZones(options: AccountOptions): Promise<readonly string[]> {
  const client = new EC2Client(configOf(options));
  const { AvailabilityZones = [] } = await attempt('list the availability zones', () =>
    client.send(new DescribeAvailabilityZonesCommand({})),
  );
  return AvailabilityZones.filter(
    ({ State, ZoneType = 'availability-zone' }) => State === 'available' && ZoneType === 'availability-zone',
  )
    .map(({ ZoneName = '' }) => ZoneName)
    .sort();
}

/** The zones that offer each of the instance types. */
export async function offeredIn(
  options: AccountOptions,
  types: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const client = new EC2Client(configOf(options));
  const Filters = [{ Name: 'instance-type', Values: [...types] }];
  return attempt('look for instance types', async () => {
    const zones = new Map<string, string[]>(types.map((type) => [type, []]));
    for await (const page of paginateDescribeInstanceTypeOfferings(
      { client },
      { LocationType: 'availability-zone', Filters },
    )) {
      for (const { InstanceType: type, Location } of page.InstanceTypeOfferings ?? []) {
        if (type !== undefined && Location !== undefined) zones.get(type)?.push(Location);
      }
    }
    return zones;
  });
}

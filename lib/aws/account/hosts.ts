import {
  type _InstanceType,
  DescribeAvailabilityZonesCommand,
  EC2Client,
  paginateDescribeInstanceTypeOfferings,
  paginateDescribeInstanceTypes,
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

/** What an instance type has. */
export interface HostType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly gpus: number;
  /** Such as `x86_64`. */
  readonly architectures: readonly string[];
}

/** @param types types that the region offers: EC2 refuses to describe any if there is another among them */
export async function describeTypes(
  options: AccountOptions,
  types: readonly string[],
): Promise<ReadonlyMap<string, HostType>> {
  if (types.length === 0) return new Map();
  const client = new EC2Client(configOf(options));
  const InstanceTypes = [...types] as _InstanceType[];
  return attempt('describe instance types', async () => {
    const found = new Map<string, HostType>();
    for await (const page of paginateDescribeInstanceTypes({ client }, { InstanceTypes })) {
      for (const { InstanceType: name, VCpuInfo, MemoryInfo, GpuInfo, ProcessorInfo } of page.InstanceTypes ?? []) {
        if (name === undefined) continue;
        found.set(name, {
          name,
          vcpus: VCpuInfo?.DefaultVCpus ?? 0,
          memoryMib: MemoryInfo?.SizeInMiB ?? 0,
          gpus: (GpuInfo?.Gpus ?? []).reduce((sum, { Count = 0 }) => sum + Count, 0),
          architectures: ProcessorInfo?.SupportedArchitectures ?? [],
        });
      }
    }
    return found;
  });
}

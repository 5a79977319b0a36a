import type { HostType } from '../../../lib/aws/account/hosts.ts';
import { HOST_MEMORY_SHARE } from '../../../lib/federation/schemas.ts';
import { type Finding, failed, ok, warning } from '../finding.ts';
import type { ComputeEnvironment, HostNeed } from './plan.ts';

/**
 * Whether the zones of the network offer the hosts of each compute environment.
 *
 * @param zones names of the zones of the network's subnets
 * @param offered zones of the region that offer an instance type
 */
export function checkInstanceTypes(
  environments: readonly ComputeEnvironment[],
  zones: readonly string[],
  offered: ReadonlyMap<string, readonly string[]>,
): readonly Finding[] {
  const groups = new Map(environments.map(({ instanceTypes }) => [instanceTypes.join(', '), instanceTypes]));
  return [...groups].map(([list, types]) => {
    const check = `instance types ${list}`;
    const usable = types.filter((type) => offered.get(type)?.some((zone) => zones.includes(zone)));
    const missing = types.filter((type) => !usable.includes(type));
    const where = `the network's zones (${zones.join(', ')})`;
    if (missing.length === 0) return ok(check, `offered in ${where}`);
    const elsewhere = missing.map((type) => {
      const at = offered.get(type) ?? [];
      return at.length > 0 ? `${type} only in ${at.join(', ')}` : `${type} nowhere in this region`;
    });
    const cure =
      'Name other types in federation.json (gpu.instanceTypes), or another region. Zones may be added at the end (zones).';
    const found = `${elsewhere.join('; ')}, not in ${where}`;
    return usable.length > 0
      ? warning(check, `${found}; ${usable.join(', ')} can be used`, cure)
      : failed(check, found, cure);
  });
}

/** Names of the zones that a template chooses, by index or by name. */
export const chosenZones = (chosen: readonly (number | string)[], all: readonly string[]): readonly string[] => [
  ...new Set(chosen.flatMap((zone) => (typeof zone === 'string' ? zone : (all[zone] ?? [])))),
];

/** The image of GPU tasks has no other. */
const ARCHITECTURE = 'x86_64';

/**
 * Whether a job fits on one of the hosts of its compute environment. One that fits on none waits for an hour and is cancelled.
 *
 * @param known the instance types that the region knows, by name
 */
export function checkHostSizes(
  environments: readonly ComputeEnvironment[],
  known: ReadonlyMap<string, HostType>,
): readonly Finding[] {
  const groups = new Map(
    environments.flatMap(({ instanceTypes, job }) =>
      job ? [[JSON.stringify([instanceTypes, job]), { instanceTypes, job }] as const] : [],
    ),
  );
  return [...groups.values()].flatMap(({ instanceTypes, job }) => {
    const hosts = instanceTypes.flatMap((type) => known.get(type) ?? []);
    if (hosts.length === 0) return [];
    const check = `job on ${instanceTypes.join(', ')}`;
    const needed = `${job.vcpus} vCPUs, ${job.memoryMib} MiB and ${job.gpus} GPUs`;
    const faults = hosts.flatMap((host) => lacksOf(host, job).map((lack) => `${host.name} ${lack}`));
    const fitting = hosts.filter((host) => lacksOf(host, job).length === 0);
    const cure = 'Change vcpus, memoryMib, gpus or instanceTypes of gpu in federation.json.';
    if (faults.length === 0) return [ok(check, `${needed} fit`)];
    const found = `${needed} needed; ${faults.join('; ')}`;
    return [
      fitting.length > 0
        ? warning(check, `${found}; ${fitting.map(({ name }) => name).join(', ')} can be used`, cure)
        : failed(check, `${found}: jobs would wait for an hour and be cancelled`, cure),
    ];
  });
}

function lacksOf(host: HostType, job: HostNeed): readonly string[] {
  const usableMib = Math.floor(host.memoryMib * HOST_MEMORY_SHARE);
  return [
    ...(host.architectures.includes(ARCHITECTURE)
      ? []
      : [`is ${host.architectures.join(', ')}, the image is for ${ARCHITECTURE}`]),
    ...(host.vcpus < job.vcpus ? [`has ${host.vcpus} vCPUs`] : []),
    ...(host.gpus < job.gpus ? [`has ${host.gpus} GPUs`] : []),
    ...(usableMib < job.memoryMib ? [`leaves about ${usableMib} of ${host.memoryMib} MiB to jobs`] : []),
  ];
}

/**
 * Whether the subnets of a deployed network stay in their zones. CloudFormation would create a subnet in the new zone with the
 * addresses of the old one, which still exists.
 *
 * @param planned zones by subnet, as names or as indices in `all`
 */
export function checkSubnetZones(
  stack: string,
  planned: ReadonlyMap<string, number | string>,
  deployed: ReadonlyMap<string, number | string>,
  all: readonly string[],
): Finding {
  const check = `zones of ${stack}`;
  const nameOf = (zone: number | string) => (typeof zone === 'string' ? zone : (all[zone] ?? `zone ${zone + 1}`));
  const moved = [...planned].flatMap(([subnet, zone]) => {
    const before = deployed.get(subnet);
    return before === undefined || before === zone || nameOf(before) === nameOf(zone) ? [] : [{ before, zone }];
  });
  if (moved.length === 0) return ok(check, 'subnets stay in their zones');
  const list = (of: (one: (typeof moved)[number]) => number | string) => moved.map((one) => nameOf(of(one))).join(', ');
  const found = `subnets in ${list(({ before }) => before)} would move to ${list(({ zone }) => zone)}, which CloudFormation cannot do`;
  const cure = 'Name the deployed zones first and in their order in federation.json (zones), others after them.';
  // The order of zones that are chosen by index is that of the account's default subnets.
  return moved.some(({ before, zone }) => typeof before !== typeof zone)
    ? warning(check, found, cure)
    : failed(check, found, cure);
}

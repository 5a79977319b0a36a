import { type Finding, failed, ok, warning } from '../finding.ts';
import type { ComputeEnvironment } from './plan.ts';

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
    const cure = 'Name other types in federation.json (gpu.instanceTypes), or other zones or another region.';
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

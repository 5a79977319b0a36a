import { type Finding, failed, ok, skipped, warning } from '../finding.ts';
import type { ComputeEnvironment, Needs } from './plan.ts';

/** Quotas of vCPUs, by the first letters of instance types. Names and codes as Service Quotas lists them under EC2. */
const FAMILIES = [
  { name: 'G and VT', matches: /^(g|vt)\d/, onDemand: 'L-DB2E81BA', spot: 'L-3819A6DF' },
  { name: 'P', matches: /^p\d/, onDemand: 'L-417A185B', spot: 'L-7212CCBC' },
  { name: 'Standard', matches: /^[acdhimrtz]\d|^(im|is)\d/, onDemand: 'L-1216C47A', spot: 'L-34B43A08' },
] as const;

/** A quota of running hosts, and what the compute environments would use. */
export interface VcpuNeed {
  readonly name: string;
  /** Of the service `ec2`. */
  readonly code: string;
  /** vCPUs of one job. */
  readonly least: number;
  /** vCPUs if every queue runs as much as it may. */
  readonly most: number;
}

/** vCPUs of the smallest instance type that is listed. Sizes are those of EC2: xlarge has 4, 2xlarge 8. */
const vcpusOf = (type: string): number => {
  const [, size = ''] = type.split('.');
  const times = /^(\d+)?xlarge$/.exec(size);
  return times ? 4 * Number(times[1] ?? 1) : 2;
};

/** The quotas of vCPUs that compute environments use. */
export function vcpuNeeds(environments: readonly ComputeEnvironment[]): readonly VcpuNeed[] {
  return FAMILIES.flatMap(({ name, matches, onDemand, spot }) =>
    [true, false].flatMap((isSpot) => {
      const using = environments.filter(
        (one) => one.isSpot === isSpot && one.instanceTypes.some((type) => matches.test(type)),
      );
      if (using.length === 0) return [];
      return [
        {
          name: isSpot ? `All ${name} Spot Instance Requests` : `Running On-Demand ${name} instances`,
          code: isSpot ? spot : onDemand,
          least: Math.min(...using.flatMap(({ instanceTypes }) => instanceTypes.map(vcpusOf))),
          most: using.reduce((sum, { maxVcpus }) => sum + maxVcpus, 0),
        },
      ];
    }),
  );
}

/** @param given vCPUs that may run at once; undefined if the region has no such quota */
export function checkVcpus(need: VcpuNeed, given: number | undefined): Finding {
  const { name, code, least, most } = need;
  const check = `quota ${name}`;
  if (given === undefined) return warning(check, `Service Quotas does not know ${code} here`, inConsole(name));
  const found = `${given} vCPUs given, ${least} needed for one job, ${most} for all at once`;
  const cure = `Request ${most} vCPUs: ${increase('ec2', code, most)}`;
  // Without spot hosts, jobs run on demand.
  if (given < least) return code === spotCode(need) ? warning(check, found, cure) : failed(check, found, cure);
  return given < most ? warning(check, `${found}: jobs wait for each other`, cure) : ok(check, found);
}

const spotCode = ({ code }: VcpuNeed): string | undefined => FAMILIES.find(({ spot }) => spot === code)?.spot;

const inConsole = (name: string): string => `Look up "${name}" in the Service Quotas console.`;
const increase = (service: string, code: string, value: number): string =>
  `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${value}`;

/** A limit on a number of resources. */
export interface CountLimit {
  readonly check: string;
  /** Resources that exist now, in the account and region. */
  readonly used: number;
  /** Those of them that belong to this federation. */
  readonly own: number;
  /** Number that the federation has when it is deployed. */
  readonly needed: number;
  readonly limit: number | undefined;
  /** What to do if the limit is too low. */
  readonly cure: string;
}

/** Whether a deployment fits below a limit, beside what others use. */
export function checkCount({ check, used, own, needed, limit, cure }: CountLimit): Finding {
  const others = Math.max(0, used - own);
  const found = `${needed} needed, ${others} used by others`;
  if (limit === undefined) return skipped(check, `${found}; the limit is not known`);
  const all = `${found}, ${limit} allowed`;
  return needed + others > limit ? failed(check, all, cure) : ok(check, all);
}

/** Requests an increase of an adjustable quota to a value that suffices. */
export const increaseTo = (service: string, code: string, value: number): string =>
  `Request more: ${increase(service, code, value)}`;

/** Executions that Lambda keeps for functions without a reservation; 10 in accounts whose limit is that low. */
const UNRESERVED = 100;
const LOW_LIMIT = 100;

/** AWS's default. New accounts start with less. */
const DEFAULT_CONCURRENCY = 1000;

/**
 * Whether the functions' reservations fit, and all functions can run at once.
 *
 * @param deployed concurrency that functions of this federation reserve already
 */
export function checkConcurrency(
  { reservedConcurrency: needed, concurrency }: Pick<Needs, 'reservedConcurrency' | 'concurrency'>,
  { concurrent, unreserved }: { readonly concurrent: number; readonly unreserved: number },
  deployed: number,
): Finding {
  const check = 'quota Concurrent executions (Lambda)';
  const left = unreserved + deployed - needed;
  const found = `${concurrent} given, ${needed} reserved by this federation, ${concurrent - unreserved - deployed} by others`;
  if (needed === 0) {
    const all = `${concurrent} given, none reserved, ${concurrency} used by this federation at most`;
    const wanted = Math.max(concurrency, DEFAULT_CONCURRENCY);
    return concurrent >= concurrency
      ? ok(check, all)
      : warning(
          check,
          `${all}: functions wait for each other, and messages that wait too often become dead letters`,
          `Request ${wanted}: ${increase('lambda', 'L-B99A9384', wanted)}`,
        );
  }
  const kept = concurrent <= LOW_LIMIT ? Math.min(concurrent, 10) : UNRESERVED;
  if (left >= kept) return ok(check, found);
  const wanted = concurrent + Math.max(UNRESERVED - left, 0);
  return failed(
    check,
    `${found}; ${left} would be left, ${kept} have to be`,
    `Request ${wanted}: ${increase('lambda', 'L-B99A9384', wanted)}`,
  );
}

/** Most memory of a function in a new account. AWS raises it without telling; no request shows the present value. */
const NEW_ACCOUNT_MB = 3008;

export function checkFunctionMemory(largest: Needs['largestFunction']): Finding {
  const check = 'memory of functions';
  if (!largest) return ok(check, 'there are no functions');
  const found = `${largest.memoryMb} MB needed at most (${largest.name}); new accounts allow ${NEW_ACCOUNT_MB} MB`;
  return largest.memoryMb <= NEW_ACCOUNT_MB
    ? ok(check, found)
    : warning(
        check,
        found,
        'No request tells the limit. If the deployment says "MemorySize", ask AWS Support for 10,240 MB.',
      );
}

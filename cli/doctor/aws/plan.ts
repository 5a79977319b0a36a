import { z } from 'zod';
import type { StackTemplate } from '../../../cdk/synthesize.ts';
import { FUNCTION_CONCURRENCY, FUNCTION_NAMES } from '../../../lib/federation/functions.ts';
import { parseValue } from '../../../lib/json.ts';

/** What a deployment needs of an account and region: read from the templates, so that both always agree. */
export interface Needs {
  /** Number of resources by type. */
  readonly count: (type: string) => number;
  /** Sum of the concurrency that functions reserve. */
  readonly reservedConcurrency: number;
  /** Sum of the executions of functions that run at once at most. */
  readonly concurrency: number;
  /** The function with the most memory. Undefined without functions. */
  readonly largestFunction: { readonly name: string; readonly memoryMb: number } | undefined;
  /** Most interface endpoints of one stack, which has one network. */
  readonly interfaceEndpoints: number;
  /** Buckets that the templates name. */
  readonly buckets: readonly string[];
  readonly environments: readonly ComputeEnvironment[];
  /** Images of the jobs, without duplicates. */
  readonly images: readonly string[];
  /** Indices in the list of the region's zones, or names of zones, where hosts run. */
  readonly zones: readonly (number | string)[];
}

/** A compute environment of Batch. */
export interface ComputeEnvironment {
  readonly isSpot: boolean;
  /** What one job needs of a host. Undefined if no stack says it. */
  readonly job?: HostNeed | undefined;
  readonly instanceTypes: readonly string[];
  readonly maxVcpus: number;
}

/** What a job needs of a host, or a host has. */
export interface HostNeed {
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly gpus: number;
}

interface Resource {
  readonly stack: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

const templateSchema = z.looseObject({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
});

/** Resources of a template. None if it is no template: somebody else may have deployed a stack of this name. */
const resourcesOf = ({ stackName, template }: StackTemplate): readonly Resource[] =>
  Object.values(templateSchema.safeParse(template).data?.Resources ?? {}).map(({ Type, Properties }) => ({
    stack: stackName,
    type: Type,
    properties: Properties,
  }));

/** Sum of the concurrency that the functions of stacks reserve. */
export const reservedConcurrencyOf = (stacks: readonly StackTemplate[]): number =>
  stacks
    .flatMap(resourcesOf)
    .filter(({ type }) => type === 'AWS::Lambda::Function')
    .reduce((sum, { properties }) => sum + Number(properties.ReservedConcurrentExecutions ?? 0), 0);

const environmentSchema = z.looseObject({
  ComputeResources: z.looseObject({
    Type: z.string(),
    InstanceTypes: z.array(z.string()).default([]),
    MaxvCpus: z.number(),
  }),
});

/** Pseudo parameters of CloudFormation. */
export interface DeployedAt {
  readonly account: string;
  readonly region: string;
}

/** What stacks that are deployed to one account and region need there. */
export function needsOf(stacks: readonly StackTemplate[], at: DeployedAt): Needs {
  const all = stacks.flatMap(resourcesOf);
  const ofType = (type: string) => all.filter((one) => one.type === type);
  const functions = ofType('AWS::Lambda::Function').map(({ properties }) => ({
    name: text(properties.FunctionName, at) ?? 'a function',
    memoryMb: Number(properties.MemorySize ?? 128),
  }));
  // A stack has one job definition, for all its compute environments.
  const jobs = new Map(ofType('AWS::Batch::JobDefinition').map(({ stack, properties }) => [stack, needOf(properties)]));
  const endpoints = ofType('AWS::EC2::VPCEndpoint').filter(
    ({ properties }) => properties.VpcEndpointType === 'Interface',
  );
  return {
    count: (type) => ofType(type).length,
    reservedConcurrency: reservedConcurrencyOf(stacks),
    concurrency: functions.reduce((sum, { name }) => sum + concurrencyOf(name), 0),
    largestFunction: functions.toSorted((a, b) => b.memoryMb - a.memoryMb)[0],
    interfaceEndpoints: Math.max(
      0,
      ...stacks.map(({ stackName }) => endpoints.filter(({ stack }) => stack === stackName).length),
    ),
    buckets: ofType('AWS::S3::Bucket').flatMap(({ properties }) => text(properties.BucketName, at) ?? []),
    environments: ofType('AWS::Batch::ComputeEnvironment').map(({ stack, properties }) => {
      const { Type, InstanceTypes, MaxvCpus } = parseValue(properties, environmentSchema, stack).ComputeResources;
      return { isSpot: Type === 'SPOT', instanceTypes: InstanceTypes, maxVcpus: MaxvCpus, job: jobs.get(stack) };
    }),
    images: [
      ...new Set(ofType('AWS::Batch::JobDefinition').flatMap(({ properties }) => text(imageOf(properties), at) ?? [])),
    ],
    zones: ofType('AWS::EC2::Subnet').flatMap(({ properties }) => zoneOf(properties.AvailabilityZone)),
  };
}

/** Functions are named after what they do, those of networks of other regions also after the region. */
const concurrencyOf = (functionName: string): number =>
  FUNCTION_CONCURRENCY[FUNCTION_NAMES.find((name) => functionName.endsWith(`-${name}`)) ?? 'endpoints'];

const requirementsSchema = z.looseObject({
  ContainerProperties: z.looseObject({
    Memory: z.number().optional(),
    Vcpus: z.number().optional(),
    ResourceRequirements: z.array(z.looseObject({ Type: z.string(), Value: z.coerce.number() })).default([]),
  }),
});

function needOf(properties: Resource['properties']): HostNeed | undefined {
  const { data } = requirementsSchema.safeParse(properties);
  if (!data) return undefined;
  const { Memory = 0, Vcpus = 0, ResourceRequirements } = data.ContainerProperties;
  const required = (type: string) => ResourceRequirements.find(({ Type }) => Type === type)?.Value;
  return {
    vcpus: required('VCPU') ?? Vcpus,
    memoryMib: required('MEMORY') ?? Memory,
    gpus: required('GPU') ?? 0,
  };
}

/** Zones of a template's subnets by their logical ids: names, or indices in the list of the region's zones. */
export const subnetZonesOf = (template: unknown): ReadonlyMap<string, number | string> =>
  new Map(
    Object.entries(templateSchema.safeParse(template).data?.Resources ?? {})
      .filter(([, { Type }]) => Type === 'AWS::EC2::Subnet')
      .flatMap(([id, { Properties }]) => zoneOf(Properties.AvailabilityZone).map((zone) => [id, zone] as const)),
  );

/** Stacks that functions of these stacks create and delete: they are in no template. */
export const onDemandStacksOf = (stacks: readonly StackTemplate[]): readonly string[] =>
  stacks
    .flatMap(resourcesOf)
    .flatMap(({ properties }) => environmentVariables(properties).FEDCARDIO_ENDPOINTS_STACK ?? [])
    .filter((name) => typeof name === 'string');

const environmentVariables = ({ Environment }: Resource['properties']): Readonly<Record<string, unknown>> =>
  (Environment as { readonly Variables?: Readonly<Record<string, unknown>> } | undefined)?.Variables ?? {};

const imageOf = ({ ContainerProperties }: Resource['properties']): unknown =>
  (ContainerProperties as { readonly Image?: unknown } | undefined)?.Image;

/** `Fn::Select` of `Fn::GetAZs`, or a name. */
function zoneOf(zone: unknown): readonly (number | string)[] {
  if (typeof zone === 'string') return [zone];
  const select = (zone as { readonly 'Fn::Select'?: readonly unknown[] } | undefined)?.['Fn::Select'];
  const index = Number(select?.[0]);
  return Number.isInteger(index) ? [index] : [];
}

/** A text of a template. Undefined if it refers to a resource, whose name CloudFormation makes. */
export function text(value: unknown, { account, region }: DeployedAt): string | undefined {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::Join': join } = (value ?? {}) as { readonly Ref?: string; readonly 'Fn::Join'?: unknown };
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::AccountId': account,
    'AWS::Region': region,
    'AWS::Partition': region.startsWith('cn-') ? 'aws-cn' : 'aws',
    'AWS::URLSuffix': region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com',
  };
  if (Ref !== undefined) return pseudo[Ref];
  if (!Array.isArray(join)) return undefined;
  const [separator, parts] = join as [string, readonly unknown[]];
  const texts = parts.map((part) => text(part, { account, region }));
  return texts.some((part) => part === undefined) ? undefined : texts.join(separator);
}

import type { StackTemplate } from '../synthesize.ts';
import { createResolver, type Json, type Policy } from './resolve.ts';

/** All policies in the templates, by resource name. */
export interface World {
  readonly roles: ReadonlyMap<string, Role>;
  readonly buckets: ReadonlyMap<string, Guarded>;
  readonly queues: ReadonlyMap<string, Guarded>;
  /** By alias of the key. */
  readonly keys: ReadonlyMap<string, Guarded>;
  /** Policies of the S3 endpoints, by account and region. */
  readonly networks: ReadonlyMap<string, Policy>;
}

interface Placed {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
}

export interface Role extends Placed {
  /** Inline policies. */
  readonly policies: readonly Policy[];
  readonly attached: readonly Policy[];
  /** Principals that may assume the role. */
  readonly trust: Policy;
  readonly tags?: Readonly<Record<string, string>>;
  /** Whether its requests go through the network's endpoints: of functions in the network and of jobs. */
  readonly isInside: boolean;
}

export interface Guarded extends Placed {
  readonly policy: Policy;
}

interface Tag {
  readonly Key: string;
  readonly Value: string;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, Json>>;
}

const jobRoleOf = (container: Json | undefined): Json =>
  (container as { readonly JobRoleArn?: Json } | undefined)?.JobRoleArn ?? null;

/** Assumed account of a stack that names none. */
const DEFAULT_PLACE = { account: '111122223333', region: 'eu-central-1' } as const;

/** Collects the policies of roles, buckets, queues, keys and endpoints from templates. */
export function readWorld(stacks: readonly StackTemplate[]): World {
  const roles = new Map<string, Role>();
  const buckets = new Map<string, Guarded>();
  const queues = new Map<string, Guarded>();
  const keys = new Map<string, Guarded>();
  const networks = new Map<string, Policy>();
  for (const { stackName, template, ...given } of stacks) {
    const place = { account: given.account ?? DEFAULT_PLACE.account, region: given.region ?? DEFAULT_PLACE.region };
    const { Resources } = template as { readonly Resources: Readonly<Record<string, Resource>> };
    const resolver = createResolver(stackName, Resources, place);
    const resolve = <T>(value: Json | undefined) => resolver.resolve(value ?? null) as T;
    const all = (type: string) =>
      Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) =>
        Type === `AWS::${type}` ? [{ id, arn: resolver.arnOf(id), properties: Properties }] : [],
      );
    /** Policies of the given resource type, by the resource that they belong to. */
    const policyFor = (type: string, property: string, id: string): Policy => {
      const found = all(type).filter(({ properties }) =>
        JSON.stringify(properties[property]).includes(`{"Ref":"${id}"}`),
      );
      if (found.length !== 1) throw new Error(`${stackName}: ${found.length} policies of ${id}`);
      return resolve(found[0]?.properties.PolicyDocument);
    };
    /** Whether code in the network has the role: of a function with addresses there, or of a job, whose hosts are there. */
    const isInside = (role: string) => {
      const has = (value: Json | undefined) => JSON.stringify(value ?? null).includes(`"Fn::GetAtt":["${role}","Arn"]`);
      return (
        all('Lambda::Function').some(({ properties: { Role, VpcConfig } }) => VpcConfig !== undefined && has(Role)) ||
        all('Batch::JobDefinition').some(({ properties }) => has(jobRoleOf(properties.ContainerProperties)))
      );
    };
    const attachedTo = (type: string, role: string): readonly Policy[] =>
      all(type).flatMap(({ properties }) =>
        JSON.stringify(properties.Roles).includes(`{"Ref":"${role}"}`)
          ? [resolve<Policy>(properties.PolicyDocument)]
          : [],
      );
    for (const { id, arn, properties } of all('IAM::Role')) {
      const { RoleName, Policies = [], AssumeRolePolicyDocument, ManagedPolicyArns, Tags = [] } = properties;
      if (ManagedPolicyArns) throw new Error(`${arn} has managed policies, which are not in the template`);
      if (RoleName === undefined) continue;
      const policies = resolve<readonly { readonly PolicyDocument: Policy }[]>(Policies).map(
        (one) => one.PolicyDocument,
      );
      roles.set(resolve(RoleName), {
        ...place,
        arn,
        policies: [...policies, ...attachedTo('IAM::Policy', id)],
        attached: attachedTo('IAM::ManagedPolicy', id),
        trust: resolve(AssumeRolePolicyDocument),
        isInside: isInside(id),
        tags: Object.fromEntries(resolve<readonly Tag[]>(Tags).map(({ Key, Value }) => [Key, Value])),
      });
    }
    for (const { id, arn, properties } of all('S3::Bucket')) {
      const name = properties.BucketName;
      if (name !== undefined)
        buckets.set(resolve(name), { ...place, arn, policy: policyFor('S3::BucketPolicy', 'Bucket', id) });
    }
    for (const { id, arn, properties } of all('SQS::Queue')) {
      queues.set(resolve(properties.QueueName), { ...place, arn, policy: policyFor('SQS::QueuePolicy', 'Queues', id) });
    }
    for (const { properties } of all('KMS::Alias')) {
      const arn = resolve<string>(properties.TargetKeyId);
      const key = all('KMS::Key').find((one) => one.arn === arn);
      if (key) keys.set(resolve(properties.AliasName), { ...place, arn, policy: resolve(key.properties.KeyPolicy) });
    }
    for (const { properties } of all('EC2::VPCEndpoint')) {
      if (properties.VpcEndpointType === 'Gateway')
        networks.set(`${place.account}/${place.region}`, resolve(properties.PolicyDocument));
    }
  }
  return { roles, buckets, queues, keys, networks };
}

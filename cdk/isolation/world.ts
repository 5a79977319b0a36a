import type { StackTemplate } from '../synthesize.ts';
import { createResolver, type Json, type Policy } from './resolve.ts';

/** All policies in the templates, by resource name. */
export interface World {
  readonly roles: ReadonlyMap<string, Role>;
  readonly buckets: ReadonlyMap<string, Guarded>;
  /** Buckets of access logs, which have no names, by the name of their stack. */
  readonly logs: ReadonlyMap<string, Guarded>;
  readonly queues: ReadonlyMap<string, Guarded>;
  /** By its own alias, the coordinator's first; the key of a bucket's objects also by `alias/<bucket>`. */
  readonly keys: ReadonlyMap<string, EncryptionKey>;
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

export interface EncryptionKey extends Guarded {
  readonly aliases: readonly string[];
  /** Context keys of the requests that S3 makes for a bucket's objects. */
  readonly context: Readonly<Record<string, string>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, Json>>;
}

const jobRoleOf = (container: Json | undefined): Json =>
  (container as { readonly JobRoleArn?: Json } | undefined)?.JobRoleArn ?? null;

interface Encryption {
  readonly ServerSideEncryptionConfiguration: readonly {
    readonly ServerSideEncryptionByDefault: { readonly KMSMasterKeyID?: string };
  }[];
}

/** Assumed account of a stack that names none. */
const DEFAULT_PLACE = { account: '111122223333', region: 'eu-central-1' } as const;

/** Collects the policies of roles, buckets, queues, keys and endpoints from templates. */
export function readWorld(stacks: readonly StackTemplate[]): World {
  const roles = new Map<string, Role>();
  const buckets = new Map<string, Guarded>();
  const logs = new Map<string, Guarded>();
  const queues = new Map<string, Guarded>();
  const keys = new Map<string, EncryptionKey>();
  const keysByArn = new Map<string, EncryptionKey>();
  const exports = exportsOf(stacks);
  const networks = new Map<string, Policy>();
  for (const { stackName, template, ...given } of stacks) {
    const place = placeOf(given);
    const { Resources } = template as { readonly Resources: Readonly<Record<string, Resource>> };
    const resolver = createResolver(stackName, Resources, place, exports);
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
    for (const { properties } of all('KMS::Alias')) {
      const alias = resolve<string>(properties.AliasName);
      const arn = resolve<string>(properties.TargetKeyId);
      const key = all('KMS::Key').find((one) => one.arn === arn);
      if (!key) throw new Error(`${stackName}: ${alias} is of no key`);
      const named = { ...place, arn, policy: resolve<Policy>(key.properties.KeyPolicy), aliases: [alias], context: {} };
      keysByArn.set(arn, named);
      if (!keys.has(alias)) keys.set(alias, named);
    }
    for (const { id, arn, properties } of all('S3::Bucket')) {
      if (properties.BucketName === undefined) {
        logs.set(stackName, { ...place, arn, policy: policyFor('S3::BucketPolicy', 'Bucket', id) });
        continue;
      }
      const name = resolve<string>(properties.BucketName);
      buckets.set(name, { ...place, arn, policy: policyFor('S3::BucketPolicy', 'Bucket', id) });
      const encryptedWith = resolve<Encryption>(properties.BucketEncryption);
      const keyArn = encryptedWith.ServerSideEncryptionConfiguration[0]?.ServerSideEncryptionByDefault.KMSMasterKeyID;
      if (keyArn === undefined) continue;
      const key = keysByArn.get(keyArn);
      if (!key) throw new Error(`${stackName}: no stack before it has the key ${keyArn}`);
      keys.set(`alias/${name}`, { ...key, context: { 'kms:EncryptionContext:aws:s3:arn': arn } });
    }
    for (const { id, arn, properties } of all('SQS::Queue')) {
      queues.set(resolve(properties.QueueName), { ...place, arn, policy: policyFor('SQS::QueuePolicy', 'Queues', id) });
    }
    for (const { properties } of all('EC2::VPCEndpoint')) {
      if (properties.VpcEndpointType === 'Gateway')
        networks.set(`${place.account}/${place.region}`, resolve(properties.PolicyDocument));
    }
  }
  return { roles, buckets, logs, queues, keys, networks };
}

const placeOf = ({ account = DEFAULT_PLACE.account, region = DEFAULT_PLACE.region }: Partial<Placed>) => ({
  account,
  region,
});

/** Exports of all stacks, by account, region and name. */
export function exportsOf(stacks: readonly StackTemplate[]): ReadonlyMap<string, Json> {
  return new Map(
    stacks.flatMap(({ stackName, template, ...given }) => {
      const place = placeOf(given);
      const { Resources, Outputs = {} } = template as {
        readonly Resources: Readonly<Record<string, Resource>>;
        readonly Outputs?: Readonly<
          Record<string, { readonly Value: Json; readonly Export?: { readonly Name: string } }>
        >;
      };
      const { resolve } = createResolver(stackName, Resources, place);
      return Object.values(Outputs).flatMap(({ Value, Export }) =>
        Export ? [[`${place.account}/${place.region}/${Export.Name}`, resolve(Value)] as const] : [],
      );
    }),
  );
}

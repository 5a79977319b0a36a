import * as iam from 'aws-cdk-lib/aws-iam';
import { Aws } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { ObjectAccess } from '../lib/federation/access.ts';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import { names, type Place, placeOf } from '../lib/federation/topology.ts';
import {
  accountOf,
  bucketArn,
  everyKeyAliasOf,
  isInOtherAccount,
  type KeyAliases,
  keyAliasesOf,
  objectArns,
  queueArn,
  regionOf,
} from './arns.ts';
import { bucketContext } from './keys.ts';

/** Policy statements of roles, from the declarations in `lib/federation/access.ts`. */

/** A bucket with its queues. */
export interface Target extends Place {
  readonly bucket: string;
  /** Keys of what is written. */
  readonly keys: KeyAliases;
  /** Keys of what may be stored. */
  readonly everyKey: ReturnType<typeof everyKeyAliasOf>;
}

/** @param site undefined for the coordinator */
export function targetOf(federation: Federation, site?: Site): Target {
  const bucket = site ? names.siteBucket(federation.id, site.id) : names.federationBucket(federation.id);
  return {
    ...placeOf(federation, site),
    bucket,
    keys: keyAliasesOf(federation, site),
    everyKey: everyKeyAliasOf(federation.id, bucket),
  };
}

const allow = (actions: string[], resources: string[], conditions: Record<string, unknown> = {}) =>
  new iam.PolicyStatement({ actions, resources, conditions });

/** Access to objects of a bucket, and the use of its keys, present and earlier, that S3 needs for it. */
export function objectStatements(scope: Construct, target: Target, access: ObjectAccess): iam.PolicyStatement[] {
  const { bucket } = target;
  const { read = [], write = [], list = [] } = access;
  const isEncrypted = target.keys.objects !== undefined;
  const onObjects = (actions: string[], keys: readonly string[]) =>
    keys.length > 0 ? [allow(actions, objectArns(scope, bucket, keys))] : [];
  return [
    ...onObjects(['s3:GetObject'], read),
    ...onObjects(['s3:PutObject', 's3:AbortMultipartUpload'], write),
    ...onObjects(['s3:DeleteObject'], access.delete ?? []),
    ...onObjects(['s3:DeleteObjectVersion'], access.erase ?? []),
    ...(access.erase ? [allow(['s3:ListBucketVersions'], [bucketArn(scope, bucket)])] : []),
    ...(list === 'everything' ? [allow(['s3:ListBucket'], [bucketArn(scope, bucket)])] : []),
    ...(list !== 'everything' && list.length > 0
      ? [allow(['s3:ListBucket'], [bucketArn(scope, bucket)], { StringLike: { 's3:prefix': list } })]
      : []),
    ...(read.length > 0 || (isEncrypted && write.length > 0)
      ? // For a multipart upload, S3 decrypts the parts' key: a writer needs kms:Decrypt too.
        keyStatements(scope, [target], {
          aliases: target.everyKey.objects,
          service: 's3',
          isWrite: isEncrypted && write.length > 0,
          context: bucketContext(scope, bucket),
        })
      : []),
  ];
}

/** Permission to consume a queue, which Lambda does on a function's behalf. */
export const consumeStatements = (scope: Construct, target: Target, queue: string): iam.PolicyStatement[] => [
  allow(
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
    [queueArn(scope, target, queue)],
  ),
  // Messages that were sent before a change of the encryption have the key of then.
  ...keyStatements(scope, [target], { aliases: [target.everyKey.messages], service: 'sqs', isWrite: false }),
];

/** The same for a machine that receives by itself and finds the queue by its name. */
export const machineQueueStatements = (scope: Construct, target: Target, queue: string): iam.PolicyStatement[] => [
  ...consumeStatements(scope, target, queue),
  allow(['sqs:GetQueueUrl'], [queueArn(scope, target, queue)]),
];

/** Permission to send to queues, in few statements: IAM limits policies to a few kilobytes. */
export function sendStatements(scope: Construct, targets: readonly (Target & { readonly queue: string })[]) {
  const arns = targets.map((target) => queueArn(scope, target, target.queue));
  const groups = [false, true].map((inOtherAccount) =>
    targets.filter((target) => isInOtherAccount(scope, target) === inOtherAccount),
  );
  return [
    allow(['sqs:SendMessage', 'sqs:GetQueueUrl'], arns),
    ...groups.flatMap((group) => sendKeyStatements(scope, group)),
  ];
}

/** Permission to submit jobs of one definition to one queue. Batch cannot limit which jobs may be listed. */
export const submitStatements = (scope: Construct, name: string): iam.PolicyStatement[] => {
  const arn = (kind: string) =>
    `arn:${Aws.PARTITION}:batch:${regionOf(scope, {})}:${accountOf(scope, {})}:${kind}/${name}`;
  return [
    allow(['batch:SubmitJob'], [arn('job-queue'), arn('job-definition'), `${arn('job-definition')}:*`]),
    allow(['batch:ListJobs', 'batch:DescribeJobs'], ['*']),
  ];
};

interface KeyUse {
  readonly aliases: readonly string[];
  readonly service: 's3' | 'sqs';
  readonly isWrite: boolean;
  /** Encryption context that the service has to pass. */
  readonly context?: Readonly<Record<string, string>>;
}

/** The use of the keys of queues to send, where they have customer keys. */
const sendKeyStatements = (scope: Construct, targets: readonly Target[]): iam.PolicyStatement[] => {
  const encrypted = targets.filter(({ keys }) => keys.messages !== undefined);
  const aliases = encrypted.map(({ keys }) => keys.messages as string);
  return keyStatements(scope, encrypted, { aliases, service: 'sqs', isWrite: true });
};

/**
 * Permission to use keys through one service only. Keys of the same account are selected by alias. For other accounts,
 * their key policies decide which keys can be used.
 */
function keyStatements(
  scope: Construct,
  places: readonly Place[],
  { aliases, service, isWrite, context = {} }: KeyUse,
): iam.PolicyStatement[] {
  if (places.length === 0) return [];
  const distinct = (values: readonly string[]) => [...new Set(values)];
  const services = distinct(places.map((place) => `${service}.${regionOf(scope, place)}.amazonaws.com`));
  const conditions = {
    StringEquals: { 'kms:ViaService': services, ...context },
    ...(places.some((place) => isInOtherAccount(scope, place))
      ? {}
      : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': aliases } }),
  };
  const keys = places.map(
    (place) => `arn:${Aws.PARTITION}:kms:${regionOf(scope, place)}:${accountOf(scope, place)}:key/*`,
  );
  return [allow(isWrite ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'], distinct(keys), conditions)];
}

import * as iam from 'aws-cdk-lib/aws-iam';
import { Aws } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { ObjectAccess } from '../lib/federation/access.ts';
import type { Place } from '../lib/federation/topology.ts';
import {
  accountOf,
  bucketArn,
  bucketKeyAlias,
  isInOtherAccount,
  objectArns,
  queueArn,
  queueKeyAlias,
  regionOf,
} from './arns.ts';

/** Policy statements of roles, from the declarations in `lib/federation/access.ts`. */

export interface Target extends Place {
  /** The bucket whose name the key's alias contains. */
  readonly bucket: string;
}

const allow = (actions: string[], resources: string[], conditions: Record<string, unknown> = {}) =>
  new iam.PolicyStatement({ actions, resources, conditions });

/** Access to objects of a bucket, and the use of its key that S3 needs for it. */
export function objectStatements(scope: Construct, target: Target, access: ObjectAccess): iam.PolicyStatement[] {
  const { bucket } = target;
  const { read = [], write = [], list = [] } = access;
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
    ...(read.length > 0 || write.length > 0
      ? // For a multipart upload, S3 decrypts the parts' key: a writer needs kms:Decrypt too.
        [keyStatement(scope, target, bucketKeyAlias(bucket), 's3', write.length > 0)]
      : []),
  ];
}

/** Permission to consume a queue, which Lambda does on a function's behalf. */
export const consumeStatements = (scope: Construct, target: Target, queue: string): iam.PolicyStatement[] => [
  allow(
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
    [queueArn(scope, target, queue)],
  ),
  keyStatement(scope, target, queueKeyAlias(target.bucket), 'sqs', false),
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
    ...groups
      .filter((group) => group.length > 0)
      .map((group) =>
        keysStatement(
          scope,
          group,
          group.map(({ bucket }) => queueKeyAlias(bucket)),
          'sqs',
          true,
        ),
      ),
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

const keyStatement = (scope: Construct, place: Place, alias: string, service: string, isWrite: boolean) =>
  keysStatement(scope, [place], [alias], service, isWrite);

/**
 * Permission to use keys through one service only. Keys of the same account are selected by alias. For other accounts,
 * their key policies decide which keys can be used.
 */
function keysStatement(
  scope: Construct,
  places: readonly Place[],
  aliases: readonly string[],
  service: string,
  isWrite: boolean,
): iam.PolicyStatement {
  const distinct = (values: readonly string[]) => [...new Set(values)];
  const services = distinct(places.map((place) => `${service}.${regionOf(scope, place)}.amazonaws.com`));
  const conditions = {
    StringEquals: { 'kms:ViaService': services },
    ...(places.some((place) => isInOtherAccount(scope, place))
      ? {}
      : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': aliases } }),
  };
  const keys = places.map(
    (place) => `arn:${Aws.PARTITION}:kms:${regionOf(scope, place)}:${accountOf(scope, place)}:key/*`,
  );
  return allow(isWrite ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'], distinct(keys), conditions);
}

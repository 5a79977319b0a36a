import * as iam from 'aws-cdk-lib/aws-iam';
import { Aws } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { ObjectAccess } from '../lib/federation/access.ts';
import type { Place } from '../lib/federation/topology.ts';
import {
  accountOf,
  bucketArn,
  bucketKeyAlias,
  isElsewhere,
  objectArns,
  queueArn,
  queueKeyAlias,
  regionOf,
} from './arns.ts';

/** What a role's own policy says, made of what `lib/federation/access.ts` declares. */

export interface Target extends Place {
  /** The bucket that the key is named after. */
  readonly bucket: string;
}

const allow = (actions: string[], resources: string[], conditions: Record<string, unknown> = {}) =>
  new iam.PolicyStatement({ actions, resources, conditions });

/** Access to objects of a bucket, and to its key as far as S3 needs it for that. */
export function objectStatements(scope: Construct, target: Target, access: ObjectAccess): iam.PolicyStatement[] {
  const { bucket } = target;
  const { read = [], write = [], list = [] } = access;
  const onObjects = (actions: string[], keys: readonly string[]) =>
    keys.length > 0 ? [allow(actions, objectArns(bucket, keys))] : [];
  return [
    ...onObjects(['s3:GetObject'], read),
    ...onObjects(['s3:PutObject', 's3:AbortMultipartUpload'], write),
    ...onObjects(['s3:DeleteObject'], access.delete ?? []),
    ...(list === 'everything' ? [allow(['s3:ListBucket'], [bucketArn(bucket)])] : []),
    ...(list !== 'everything' && list.length > 0
      ? [allow(['s3:ListBucket'], [bucketArn(bucket)], { StringLike: { 's3:prefix': list } })]
      : []),
    ...(read.length > 0 || write.length > 0
      ? // Of an upload in parts, S3 reads the parts' key again, so that who writes has to be let decrypt.
        [keyStatement(scope, target, bucketKeyAlias(bucket), 's3', write.length > 0)]
      : []),
  ];
}

/** To consume a queue, as Lambda does on a function's behalf. */
export const consumeStatements = (scope: Construct, target: Target, queue: string): iam.PolicyStatement[] => [
  allow(
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
    [queueArn(scope, target, queue)],
  ),
  keyStatement(scope, target, queueKeyAlias(target.bucket), 'sqs', false),
];

/** To send to a queue. */
export const sendStatements = (scope: Construct, target: Target, queue: string): iam.PolicyStatement[] => [
  allow(['sqs:SendMessage', 'sqs:GetQueueUrl'], [queueArn(scope, target, queue)]),
  keyStatement(scope, target, queueKeyAlias(target.bucket), 'sqs', true),
];

/** To submit jobs of one definition to one queue. To look at jobs can be allowed for all or none. */
export const submitStatements = (scope: Construct, name: string): iam.PolicyStatement[] => {
  const arn = (kind: string) =>
    `arn:${Aws.PARTITION}:batch:${regionOf(scope, {})}:${accountOf(scope, {})}:${kind}/${name}`;
  return [
    allow(['batch:SubmitJob'], [arn('job-queue'), arn('job-definition'), `${arn('job-definition')}:*`]),
    allow(['batch:ListJobs', 'batch:DescribeJobs'], ['*']),
  ];
};

/**
 * The use of a key through one service only. A key of the same account is found by its alias; one of another account
 * is named by that account's key policy, which lets in for this one key.
 */
function keyStatement(scope: Construct, place: Place, alias: string, service: string, isWrite: boolean) {
  const conditions = {
    StringEquals: { 'kms:ViaService': `${service}.${regionOf(scope, place)}.amazonaws.com` },
    ...(isElsewhere(scope, place) ? {} : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': [alias] } }),
  };
  const key = `arn:${Aws.PARTITION}:kms:${regionOf(scope, place)}:${accountOf(scope, place)}:key/*`;
  return allow(isWrite ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'], [key], conditions);
}

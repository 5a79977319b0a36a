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
    keys.length > 0 ? [allow(actions, objectArns(scope, bucket, keys))] : [];
  return [
    ...onObjects(['s3:GetObject'], read),
    ...onObjects(['s3:PutObject', 's3:AbortMultipartUpload'], write),
    ...onObjects(['s3:DeleteObject'], access.delete ?? []),
    ...(list === 'everything' ? [allow(['s3:ListBucket'], [bucketArn(scope, bucket)])] : []),
    ...(list !== 'everything' && list.length > 0
      ? [allow(['s3:ListBucket'], [bucketArn(scope, bucket)], { StringLike: { 's3:prefix': list } })]
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

/** To send to queues, together: IAM takes policies of a few kilobytes. */
export function sendStatements(scope: Construct, targets: readonly (Target & { readonly queue: string })[]) {
  const arns = targets.map((target) => queueArn(scope, target, target.queue));
  const groups = [false, true].map((elsewhere) => targets.filter((target) => isElsewhere(scope, target) === elsewhere));
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

/** To submit jobs of one definition to one queue. To look at jobs can be allowed for all or none. */
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
 * The use of keys through one service only. Those of the same account are found by their aliases; those of other
 * accounts are named by those accounts' key policies, which let in for these keys alone.
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
    ...(places.some((place) => isElsewhere(scope, place))
      ? {}
      : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': aliases } }),
  };
  const keys = places.map(
    (place) => `arn:${Aws.PARTITION}:kms:${regionOf(scope, place)}:${accountOf(scope, place)}:key/*`,
  );
  return allow(isWrite ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'], distinct(keys), conditions);
}

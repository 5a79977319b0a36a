import { S3Error } from '../../local/emulator/s3/error.ts';
import { header, type S3Request } from '../../local/emulator/s3/request.ts';
import { routeOf, type S3_OPERATIONS } from '../../local/emulator/s3/router.ts';
import { nameOf } from './resources.ts';

/** One question to IAM: may the caller do this? */
export interface Access {
  /** Such as `s3:GetObject`. */
  readonly action: string;
  /** Name of a bucket or queue, ARN of anything else, or `*`. */
  readonly on: string;
  /** Key of an object. */
  readonly key?: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
  /** Use of the key that encrypts the bucket or queue. */
  readonly encryption?: readonly ('kms:Decrypt' | 'kms:GenerateDataKey')[];
}

/** What IAM is asked for a request, or undefined for a request whose permissions are not known here. */
type Questions = readonly Access[] | undefined;

type S3Operation = (typeof S3_OPERATIONS)[number];

/**
 * Actions, condition keys and uses of encryption keys of S3's operations, from the S3 user guide ("Required permissions for
 * Amazon S3 API operations", "Enforce conditional writes on Amazon S3 buckets", "Using server-side encryption with AWS KMS
 * keys": a part needs `kms:Decrypt` too).
 */
const S3: Partial<Readonly<Record<S3Operation, (request: S3Request) => readonly Access[]>>> = {
  GetObject: readsObject,
  HeadObject: readsObject,
  PutObject: createsObject,
  CompleteMultipartUpload: (request) => [
    ...createsObject(request),
    ...onObject(request, 's3:PutObject', ['kms:Decrypt']),
  ],
  CreateMultipartUpload: writesPart,
  UploadPart: writesPart,
  AbortMultipartUpload: (request) => onObject(request, 's3:AbortMultipartUpload'),
  ListParts: (request) => onObject(request, 's3:ListMultipartUploadParts'),
  CopyObject: (request) => [...readsSource(request), ...createsObject(request)],
  UploadPartCopy: (request) => [...readsSource(request), ...writesPart(request)],
  DeleteObject: (request) =>
    onObject(request, request.query.has('versionId') ? 's3:DeleteObjectVersion' : 's3:DeleteObject'),
  HeadBucket: (request) => onBucket(request, 's3:ListBucket'),
  ListObjectsV2: (request) => onBucket(request, 's3:ListBucket'),
  ListObjects: (request) => onBucket(request, 's3:ListBucket'),
  ListObjectVersions: (request) => onBucket(request, 's3:ListBucketVersions'),
  GetBucketLocation: (request) => onBucket(request, 's3:GetBucketLocation'),
};

/** The questions of an S3 request. */
export function accessOfS3(request: S3Request): Questions {
  const operation = operationOf(request);
  return operation && S3[operation]?.(request);
}

/** Name of the operation; undefined for one that the embedded server lacks. */
export function operationOf(request: S3Request): S3Operation | undefined {
  try {
    return routeOf(request).name as S3Operation;
  } catch (error) {
    if (error instanceof S3Error) return undefined;
    throw error;
  }
}

const onBucket = ({ bucket = '', query }: S3Request, action: string): readonly Access[] => {
  const prefix = query.get('prefix');
  return [{ action, on: bucket, context: prefix === null ? {} : { 's3:prefix': prefix } }];
};

const onObject = (
  { bucket = '', key = '' }: S3Request,
  action: string,
  encryption: Access['encryption'] = [],
  context: Readonly<Record<string, string>> = {},
): readonly Access[] => [{ action, on: bucket, key, context, encryption }];

function readsObject(request: S3Request): readonly Access[] {
  const action = request.query.has('versionId') ? 's3:GetObjectVersion' : 's3:GetObject';
  return onObject(request, action, ['kms:Decrypt']);
}

function readsSource(request: S3Request): readonly Access[] {
  const [, bucket = '', key = ''] = /^\/?([^/]+)\/(.*)$/.exec(header(request, 'x-amz-copy-source') ?? '') ?? [];
  return onObject({ ...request, bucket, key: decodeURIComponent(key) }, 's3:GetObject', ['kms:Decrypt']);
}

function createsObject(request: S3Request): readonly Access[] {
  const conditions = { 's3:if-none-match': 'if-none-match', 's3:if-match': 'if-match' };
  const context = Object.entries(conditions).flatMap(([name, of]) => {
    const value = header(request, of);
    return value === undefined ? [] : [[name, value]];
  });
  return [
    ...onObject(request, 's3:PutObject', ['kms:GenerateDataKey'], {
      ...Object.fromEntries(context),
      's3:ObjectCreationOperation': 'true',
    }),
    // The comparison tells what the object is (user guide, "How to prevent overwrites if the object has changed").
    ...(header(request, 'if-match') === undefined ? [] : onObject(request, 's3:GetObject')),
    ...(['tagging', 'acl'] as const).flatMap((what) =>
      header(request, `x-amz-${what}`) === undefined ? [] : onObject(request, `s3:PutObject${EXTRA[what]}`),
    ),
    ...(header(request, 'x-amz-object-lock-mode') === undefined ? [] : onObject(request, 's3:PutObjectRetention')),
  ];
}

const EXTRA = { tagging: 'Tagging', acl: 'Acl' } as const;

function writesPart(request: S3Request): readonly Access[] {
  return onObject(request, 's3:PutObject', ['kms:GenerateDataKey', 'kms:Decrypt'], {
    's3:ObjectCreationOperation': 'false',
  });
}

type Json = Readonly<Record<string, unknown>>;

/** Actions of SQS, and the uses of the queue's key (SQS developer guide, "Configuring AWS KMS permissions"). */
const SQS: Readonly<Record<string, Pick<Access, 'action' | 'encryption'>>> = {
  SendMessage: { action: 'sqs:SendMessage', encryption: ['kms:GenerateDataKey', 'kms:Decrypt'] },
  SendMessageBatch: { action: 'sqs:SendMessage', encryption: ['kms:GenerateDataKey', 'kms:Decrypt'] },
  ReceiveMessage: { action: 'sqs:ReceiveMessage', encryption: ['kms:Decrypt'] },
  DeleteMessage: { action: 'sqs:DeleteMessage' },
  DeleteMessageBatch: { action: 'sqs:DeleteMessage' },
  ChangeMessageVisibility: { action: 'sqs:ChangeMessageVisibility' },
  ChangeMessageVisibilityBatch: { action: 'sqs:ChangeMessageVisibility' },
  GetQueueUrl: { action: 'sqs:GetQueueUrl' },
  GetQueueAttributes: { action: 'sqs:GetQueueAttributes' },
};

/** The questions of an SQS request. */
export function accessOfSqs(name: string, { QueueUrl, QueueName }: Json): Questions {
  const known = Object.hasOwn(SQS, name) ? SQS[name] : undefined;
  const queue = QueueUrl ?? QueueName;
  return known && typeof queue === 'string' ? [{ ...known, on: nameOf(queue) }] : undefined;
}

/**
 * The questions of a Batch request. SubmitJob asks for the queue and for the definition (service authorization reference,
 * "Actions defined by AWS Batch"); jobs can only be listed and described in general.
 */
export function accessOfBatch(path: string, { jobQueue, jobDefinition }: Json): Questions {
  switch (path) {
    case '/v1/submitjob':
      return [jobQueue, jobDefinition].map((on) => ({ action: 'batch:SubmitJob', on: String(on) }));
    case '/v1/listjobs':
      return [{ action: 'batch:ListJobs', on: '*' }];
    case '/v1/describejobqueues':
      return [{ action: 'batch:DescribeJobQueues', on: '*' }];
    case '/v1/describejobs':
      return [{ action: 'batch:DescribeJobs', on: '*' }];
    default:
      return undefined;
  }
}

/**
 * The questions of a CloudFormation request. Its caller needs to read the template and to pass the role, too (CloudFormation
 * user guide, "CloudFormation service role").
 */
export function accessOfCloudFormation(
  { Action, StackName, TemplateURL, RoleARN }: Readonly<Record<string, string>>,
  { account, region }: { readonly account: string; readonly region: string },
): Questions {
  const on = `arn:aws:cloudformation:${region}:${account}:stack/${StackName}/1`;
  if (Action === 'DescribeStacks' || Action === 'DeleteStack') return [{ action: `cloudformation:${Action}`, on }];
  if (Action !== 'CreateStack' || TemplateURL === undefined || RoleARN === undefined) return undefined;
  const [, bucket, key] = /^https:\/\/s3\.[^/]+\/([^/]+)\/(.+)$/.exec(TemplateURL) ?? [];
  const context = { 'cloudformation:TemplateUrl': TemplateURL, 'cloudformation:RoleArn': RoleARN };
  return [
    { action: 'cloudformation:CreateStack', on, context },
    { action: 's3:GetObject', on: `arn:aws:s3:::${bucket}`, key: key ?? '' },
    { action: 'iam:PassRole', on: RoleARN, context: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } },
  ];
}

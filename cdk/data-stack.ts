import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { type App, Duration, Stack } from 'aws-cdk-lib/core';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import {
  type BucketSpec,
  encryptionOf,
  type HandlerName,
  names,
  placeOf,
  type QueueSpec,
  type Topology,
} from '../lib/federation/topology.ts';
import { bucketArn, keyAliasesOf, queueArn } from './arns.ts';
import { denyOwnStorage, guardLogs, guardQueue, guardSite, letSitesIn } from './bucket-guards.ts';
import { addKeyStacks } from './key-stack.ts';
import { addKey, allowGuests, sharedKey } from './keys.ts';
import { addOutputs } from './outputs.ts';
import { environmentOf, KEPT, withoutBootstrapRule } from './stack-options.ts';

/** The longest that SQS keeps a message. */
const MESSAGE_RETENTION = Duration.days(14);
/** After which an incomplete multipart upload is aborted. */
const UNFINISHED_UPLOAD = Duration.days(7);
/** How long replaced or deleted versions are kept. */
const NONCURRENT_VERSION = Duration.days(90);
const NONCURRENT_LOGS = Duration.days(7);
const LOGS = Duration.days(365);

/** Outputs with the URLs of queues, by the function that consumes them. */
const QUEUE_OUTPUTS: Readonly<Record<HandlerName, string>> = {
  intake: 'IntakeQueueUrl',
  dispatch: 'TaskQueueUrl',
  orchestrate: 'OrchestrateQueueUrl',
  aggregate: 'AggregateQueueUrl',
};

/**
 * The data stacks of a federation: one per site, one for the coordinator. They hold what must outlive everything else.
 * None names another site's stack, so that a site's can be deployed into the hospital's own account. A shared key comes first,
 * in a stack of its own. They have no custom resources and no functions, so that CloudFormation emulators can deploy them. That of an on-premises site has its GPU
 * task queue, and no bucket. With `onlySite` there is none of the coordinator.
 */
export function addDataStacks(app: App, { federation, buckets, queues }: Topology): readonly Stack[] {
  addKeyStacks(app, federation);
  return [...federation.sites, ...(federation.onlySite === undefined ? [undefined] : [])].flatMap((site) => {
    const isOwn = (spec: { readonly site?: string }) => spec.site === site?.id;
    const [bucket] = buckets.filter(isOwn);
    const own = queues.filter(isOwn);
    return bucket || own.length > 0 ? [addDataStack(app, federation, site, bucket, own)] : [];
  });
}

function addDataStack(
  app: App,
  federation: Federation,
  site: Site | undefined,
  spec: BucketSpec | undefined,
  queueSpecs: readonly QueueSpec[],
): Stack {
  const name = site ? names.siteBucket(federation.id, site.id) : names.federationBucket(federation.id);
  const stack = new Stack(app, names.dataStack(name), {
    ...environmentOf(placeOf(federation, site)),
    description: site
      ? `fedcardio: ${spec ? 'bucket and queues' : 'GPU task queue'} of site ${site.id}`
      : 'fedcardio: bucket and queues of the federation',
    terminationProtection: true,
    synthesizer: withoutBootstrapRule(),
  });
  const { messages } = keyAliasesOf(federation, site);
  const queueKey = messages ? addKey(stack, 'QueueKey', `Messages of the queues of ${name}`, messages) : undefined;
  const queues = new Map(queueSpecs.map((queue) => [queue.name, addQueue(stack, queue, queueKey)]));
  for (const queueSpec of queueSpecs) {
    const queue = queues.get(queueSpec.name) as sqs.Queue;
    guardQueue(queue, queueSpec, federation);
    addOutputs(stack, { [QUEUE_OUTPUTS[queueSpec.handler]]: queue.queueUrl });
  }
  if (!spec) return stack;
  const bucket = addBucket(stack, spec, objectKeyOf(stack, federation, site));
  const logs = stack.node.findChild('Logs') as s3.Bucket;
  addOutputs(stack, { Bucket: bucket.bucketName });
  notify(bucket, spec, queues);
  if (queueKey) allowNotifications(queueKey, spec, queueSpecs);
  makePermanent(bucket, spec.permanent);
  denyOwnStorage(bucket);
  guardLogs(logs, federation);
  if (site) guardSite(bucket, federation, site.id, queues.get(names.gpuTaskQueue(federation.id, site.id)), queueKey);
  else letSitesIn(bucket, federation);
  return stack;
}

/** The key of a bucket's objects. Undefined for S3's own encryption. */
function objectKeyOf(stack: Stack, federation: Federation, site: Site | undefined): kms.IKey | undefined {
  const { objects } = keyAliasesOf(federation, site);
  if (!objects) return undefined;
  if (encryptionOf(federation, site) === 'shared-key') return sharedKey(stack, federation);
  const key = addKey(stack, 'BucketKey', `Objects of ${objects.slice('alias/'.length)}`, objects);
  if (!site) allowGuests(key, federation);
  return key;
}

/**
 * Lets S3 send the bucket's events to queues that are encrypted with a customer key.
 *
 * S3 passes `aws:SourceArn` to such keys, and no document says that it passes `aws:SourceAccount` (SQS developer guide,
 * "Configure KMS permissions with confused deputy protection"). That page calls the value "the resource that is being
 * encrypted": the statement accepts the queues as well as the bucket. Who may send is decided by the queues' policies.
 */
function allowNotifications(key: kms.Key, bucket: BucketSpec, queues: readonly QueueSpec[]): void {
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'NotifyEncryptedQueues',
      principals: [new iam.ServicePrincipal('s3.amazonaws.com')],
      actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
      resources: ['*'],
      conditions: {
        ArnEquals: {
          'aws:SourceArn': [bucketArn(key, bucket.name), ...queues.map((queue) => queueArn(key, queue, queue.name))],
        },
      },
    }),
  );
}

function addQueue(stack: Stack, spec: QueueSpec, key: kms.Key | undefined): sqs.Queue {
  const id = spec.handler.charAt(0).toUpperCase() + spec.handler.slice(1);
  const encryption = key ? { encryptionMasterKey: key } : { encryption: sqs.QueueEncryption.SQS_MANAGED };
  const secure = { ...encryption, enforceSSL: true };
  const deadLetters = new sqs.Queue(stack, `${id}DeadLetters`, {
    ...secure,
    queueName: spec.deadLetterQueue,
    retentionPeriod: MESSAGE_RETENTION,
  });
  return new sqs.Queue(stack, `${id}Queue`, {
    ...secure,
    queueName: spec.name,
    retentionPeriod: MESSAGE_RETENTION,
    visibilityTimeout: Duration.seconds(spec.visibilityTimeoutSeconds),
    receiveMessageWaitTime: Duration.seconds(20),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: spec.maxReceiveCount },
  });
}

const SECURE = {
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
  objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  versioned: true,
  removalPolicy: KEPT,
} as const;

/** A bucket of logs. Without a name: nothing refers to it. */
export const LOGS_BUCKET: s3.BucketProps = {
  ...SECURE,
  // S3 delivers access logs only to buckets with S3-managed encryption.
  encryption: s3.BucketEncryption.S3_MANAGED,
  lifecycleRules: [{ expiration: LOGS, noncurrentVersionExpiration: NONCURRENT_LOGS }],
};

function addBucket(stack: Stack, spec: BucketSpec, encryptionKey: kms.IKey | undefined): s3.Bucket {
  const logs = new s3.Bucket(stack, 'Logs', LOGS_BUCKET);
  return new s3.Bucket(stack, 'Bucket', {
    ...SECURE,
    bucketName: spec.name,
    // With a bucket key, S3 names the bucket to the key: roles may use a shared key for one bucket only.
    ...(encryptionKey ? { encryptionKey, bucketKeyEnabled: true } : { encryption: s3.BucketEncryption.S3_MANAGED }),
    serverAccessLogsBucket: logs as s3.IBucket,
    ...(spec.objectLockDays === undefined
      ? {}
      : { objectLockDefaultRetention: s3.ObjectLockRetention.compliance(Duration.days(spec.objectLockDays)) }),
    lifecycleRules: [
      { abortIncompleteMultipartUploadAfter: UNFINISHED_UPLOAD, noncurrentVersionExpiration: NONCURRENT_VERSION },
      ...spec.expiring.map(({ prefix, days, noncurrentDays }) => ({
        prefix,
        expiration: Duration.days(days),
        noncurrentVersionExpiration: Duration.days(noncurrentDays),
      })),
    ],
  });
}

/**
 * Sends the bucket's events to queues. Uses the CloudFormation property: `addEventNotification` would add a custom
 * resource with a function, which emulators without functions cannot deploy.
 */
function notify(bucket: s3.Bucket, spec: BucketSpec, queues: ReadonlyMap<string, sqs.Queue>): void {
  const queueOf = (name: string) => queues.get(name) as sqs.Queue;
  const plain = bucket.node.defaultChild as s3.CfnBucket;
  plain.notificationConfiguration = {
    queueConfigurations: spec.notifications.map(({ event, queue, prefix, suffix }) => ({
      event,
      queue: queueOf(queue).queueArn,
      filter: { s3Key: { rules: filterRules({ prefix, suffix }) } },
    })),
  };
  for (const name of new Set(spec.notifications.map(({ queue }) => queue))) {
    queueOf(name).addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'NotifiedByItsBucket',
        principals: [new iam.ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [queueOf(name).queueArn],
        conditions: {
          ArnEquals: { 'aws:SourceArn': bucketArn(bucket, spec.name) },
          StringEquals: { 'aws:SourceAccount': Stack.of(bucket).account },
        },
      }),
    );
    // S3 sends a test message when notifications are configured, and refuses a queue that does not accept it.
    bucket.node.addDependency(queueOf(name));
  }
}

const filterRules = (filters: Readonly<Record<string, string | undefined>>) =>
  Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));

/**
 * Denies everyone to write these objects without `If-None-Match: *`, so that they cannot be replaced (S3 user guide,
 * "Enforce conditional writes on Amazon S3 buckets"). Nobody may delete them either: see bucket-guards.ts. A principal
 * that may change the bucket's policy can lift this.
 */
function makePermanent(bucket: s3.Bucket, keys: readonly string[]): void {
  if (keys.length === 0) return;
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'CreatedOnce',
      effect: iam.Effect.DENY,
      principals: [new iam.AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: keys.map((key) => bucket.arnForObjects(key)),
      // S3 authorises the start and the parts of a multipart upload as PutObject too, which have no such header.
      conditions: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    }),
  );
}

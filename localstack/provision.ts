import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  type QueueConfiguration,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { FedcardioError } from '../lib/error.ts';
import type { BucketSpec, NotificationSpec, QueueSpec, Topology } from '../lib/federation/topology.ts';
import { type ConnectionOptions, createS3Client, createSqsClient } from '../lib/storage/clients.ts';

/** As long as SQS keeps a message: whoever looks after the dead letters has two weeks. */
const DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 3600;

/**
 * Creates what a topology declares and is not there yet, and sets what differs: dead-letter queues, queues,
 * buckets, notifications, in this order, because each names the ones before. Nothing is removed, no message and
 * no object is touched; running it again changes nothing.
 *
 * @throws FedcardioError STORAGE naming what could not be created
 */
export async function provision(topology: Topology, connection: ConnectionOptions): Promise<void> {
  const sqs = createSqsClient(connection);
  const s3 = createS3Client(connection);
  try {
    const queues = await inParallel(topology.queues, async (queue) => {
      const arn = await attempt(`create queue ${queue.name}`, () => ensureQueueWithDeadLetters(sqs, queue));
      return [queue.name, arn] as const;
    });
    const arns = new Map(queues);
    await inParallel(topology.buckets, async (bucket) => {
      await attempt(`create bucket ${bucket.name}`, () => ensureBucket(s3, bucket.name));
      await attempt(`notify queues of bucket ${bucket.name}`, () => ensureNotifications(s3, bucket, arns));
    });
  } finally {
    sqs.destroy();
    s3.destroy();
  }
}

async function ensureQueueWithDeadLetters(sqs: SQSClient, queue: QueueSpec): Promise<string> {
  const deadLetterTargetArn = await ensureQueue(sqs, queue.deadLetterQueue, {
    MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_SECONDS),
  });
  return ensureQueue(sqs, queue.name, {
    VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    ReceiveMessageWaitTimeSeconds: '20',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: queue.maxReceiveCount }),
  });
}

/** @returns the queue's ARN */
async function ensureQueue(sqs: SQSClient, name: string, attributes: Record<string, string>): Promise<string> {
  const QueueUrl = (await queueUrl(sqs, name)) ?? (await createQueue(sqs, name, attributes));
  const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  const current: Readonly<Record<string, string>> = answer.Attributes ?? {};
  const differs = Object.entries(attributes).some(([key, value]) => !sameAttribute(current[key], value));
  if (differs) await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: attributes }));
  return current.QueueArn as string;
}

async function queueUrl(sqs: SQSClient, name: string): Promise<string | undefined> {
  try {
    return (await sqs.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl as string;
  } catch (error) {
    if (/QueueDoesNotExist|NonExistentQueue/.test((error as Error).name)) return undefined;
    throw error;
  }
}

async function createQueue(sqs: SQSClient, name: string, attributes: Record<string, string>): Promise<string> {
  return (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))).QueueUrl as string;
}

/** A policy is JSON, whose spaces and order of keys the service may change. */
function sameAttribute(current: string | undefined, wanted: string): boolean {
  if (current === undefined || !wanted.startsWith('{')) return current === wanted;
  const policy = JSON.parse(current) as Readonly<Record<string, unknown>>;
  return Object.entries(JSON.parse(wanted)).every(([key, value]) => String(policy[key]) === String(value));
}

async function ensureBucket(s3: S3Client, name: string): Promise<void> {
  const region = await s3.config.region();
  try {
    // The first region must not be named, every other one must.
    const configuration = { LocationConstraint: region as BucketLocationConstraint };
    const CreateBucketConfiguration = region === 'us-east-1' ? undefined : configuration;
    await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration }));
  } catch (error) {
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error;
  }
}

async function ensureNotifications(s3: S3Client, bucket: BucketSpec, arns: ReadonlyMap<string, string>): Promise<void> {
  const wanted = bucket.notifications.map((rule) => queueConfiguration(rule, arns));
  const current = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket.name }));
  // S3 tests the queues each time this is put: a message in each that no one asked for.
  if (fingerprint(current.QueueConfigurations) === fingerprint(wanted)) return;
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket.name,
      NotificationConfiguration: { QueueConfigurations: wanted },
    }),
  );
}

function queueConfiguration(rule: NotificationSpec, arns: ReadonlyMap<string, string>): QueueConfiguration {
  const filters = [
    { Name: 'prefix' as const, Value: rule.prefix },
    { Name: 'suffix' as const, Value: rule.suffix },
  ].filter((filter) => filter.Value !== undefined);
  return {
    Id: rule.id,
    QueueArn: arns.get(rule.queue),
    Events: ['s3:ObjectCreated:*'],
    ...(filters.length > 0 ? { Filter: { Key: { FilterRules: filters } } } : {}),
  };
}

/** The same for configurations that mean the same, whatever the order and the case of their filters' names. */
function fingerprint(configurations: readonly QueueConfiguration[] = []): string {
  const lines = configurations.map(({ Id, QueueArn, Events = [], Filter }) => {
    const filters = (Filter?.Key?.FilterRules ?? []).map((rule) => `${rule.Name?.toLowerCase()}=${rule.Value}`);
    return JSON.stringify([Id, QueueArn, Events.toSorted(), filters.toSorted()]);
  });
  return lines.toSorted().join('\n');
}

/** So many at once that it is quick, so few that AWS does not throttle the creation of queues. */
const PARALLEL = 8;

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const next = items.entries();
  const worker = async () => {
    for (const [index, item] of next) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}

async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new FedcardioError('STORAGE', `Cannot ${doing}: ${(cause as Error).message}`, {
      cause,
      hint: 'Does the endpoint answer? Check credentials and region too; bucket names are shared by all of AWS.',
    });
  }
}

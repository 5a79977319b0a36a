import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  type Event,
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
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { type ConnectionOptions, createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import { describeError, endSentence, FedcardioError } from '../../lib/error.ts';
import { type BucketResource, type QueueResource, readTemplates } from './template.ts';

/**
 * Replays templates on a server with S3 and SQS but without CloudFormation: creates missing queues and buckets, and updates
 * attributes that differ. Queues come first, because buckets notify them. Removes nothing and leaves messages and objects
 * unchanged. Idempotent.
 *
 * @returns kinds of resources and properties that were not applied, such as keys and policies
 * @throws FedcardioError STORAGE naming the resource that could not be created, BAD_MESSAGE for a template that cannot be
 *   replayed
 */
export async function provision(
  templates: readonly StackTemplate[],
  connection: ConnectionOptions,
): Promise<readonly string[]> {
  const { queues, buckets, notApplied } = readTemplates(templates);
  const sqs = createSqsClient(connection);
  const s3 = createS3Client(connection);
  try {
    const arns = new Map<string, string>();
    const ensure = async (queue: QueueResource) => {
      arns.set(queue.id, await attempt(`create queue ${queue.name}`, () => ensureQueue(sqs, queue, arns)));
    };
    // Dead-letter queues come first, because the others refer to them.
    await inParallel(
      queues.filter(({ deadLetters }) => !deadLetters),
      ensure,
    );
    await inParallel(
      queues.filter(({ deadLetters }) => deadLetters),
      ensure,
    );
    await inParallel(buckets, async (bucket) => {
      await attempt(`create bucket ${bucket.name}`, () => ensureBucket(s3, bucket.name));
      await attempt(`notify queues of bucket ${bucket.name}`, () => ensureNotifications(s3, bucket, arns));
    });
  } finally {
    sqs.destroy();
    s3.destroy();
  }
  return notApplied;
}

type Arns = ReadonlyMap<string, string>;

function arnIn(arns: Arns, queueId: string): string {
  const arn = arns.get(queueId);
  if (arn === undefined) throw new Error(`The template has no queue ${queueId}.`);
  return arn;
}

function attributesOf(queue: QueueResource, arns: Arns): Record<string, string> {
  const { deadLetters } = queue;
  const redrive = deadLetters && {
    deadLetterTargetArn: arnIn(arns, deadLetters.queueId),
    maxReceiveCount: deadLetters.maxReceiveCount,
  };
  const attributes = {
    VisibilityTimeout: queue.visibilityTimeoutSeconds,
    ReceiveMessageWaitTimeSeconds: queue.receiveWaitSeconds,
    MessageRetentionPeriod: queue.retentionSeconds,
    RedrivePolicy: redrive && JSON.stringify(redrive),
  };
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

/** @returns the queue's ARN */
async function ensureQueue(sqs: SQSClient, queue: QueueResource, arns: Arns): Promise<string> {
  const attributes = attributesOf(queue, arns);
  const QueueUrl = (await queueUrl(sqs, queue.name)) ?? (await createQueue(sqs, queue.name, attributes));
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

/** Compares a policy as JSON, because the service may change spaces and the order of keys. */
function sameAttribute(current: string | undefined, wanted: string): boolean {
  if (current === undefined || !wanted.startsWith('{')) return current === wanted;
  const policy = JSON.parse(current) as Readonly<Record<string, unknown>>;
  return Object.entries(JSON.parse(wanted)).every(([key, value]) => String(policy[key]) === String(value));
}

async function ensureBucket(s3: S3Client, name: string): Promise<void> {
  const region = await s3.config.region();
  try {
    // S3 requires a location constraint in every region except us-east-1, where it refuses one.
    const configuration = { LocationConstraint: region as BucketLocationConstraint };
    const CreateBucketConfiguration = region === 'us-east-1' ? undefined : configuration;
    await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration }));
  } catch (error) {
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error;
  }
}

async function ensureNotifications(s3: S3Client, bucket: BucketResource, arns: Arns): Promise<void> {
  const wanted = bucket.notifications.map(
    ({ event, queueId, filters }): QueueConfiguration => ({
      QueueArn: arnIn(arns, queueId),
      Events: [event as Event],
      Filter: { Key: { FilterRules: filters.map(({ name, value }) => ({ Name: name, Value: value })) } },
    }),
  );
  // Storage without events need not know them.
  if (wanted.length === 0) return;
  const current = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket.name }));
  // S3 sends a test message to each queue whenever this is put, so it is put only if it differs.
  if (fingerprint(current.QueueConfigurations) === fingerprint(wanted)) return;
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket.name,
      NotificationConfiguration: { QueueConfigurations: wanted },
    }),
  );
}

/** Equal for equivalent configurations, whatever their ids, order and the case of filter names. */
function fingerprint(configurations: readonly QueueConfiguration[] = []): string {
  const lines = configurations.map(({ QueueArn, Events = [], Filter }) => {
    const filters = (Filter?.Key?.FilterRules ?? []).map((rule) => `${rule.Name?.toLowerCase()}=${rule.Value}`);
    return JSON.stringify([QueueArn, Events.toSorted(), filters.toSorted()]);
  });
  return lines.toSorted().join('\n');
}

/** Concurrent requests. More would make AWS throttle the creation of queues. */
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
    throw new FedcardioError('STORAGE', endSentence(`Cannot ${doing}: ${describeError(cause)}`), {
      cause,
      hint: 'Check the endpoint, the credentials and the region. Bucket names are unique across all of AWS.',
    });
  }
}

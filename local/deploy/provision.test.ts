import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetBucketNotificationConfigurationCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, GetQueueUrlCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { synthesizeDataStacks } from '../../cdk/synthesize.ts';
import type { SqsHandler } from '../../handlers/context.ts';
import { createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { s3EventSchema } from '../../lib/federation/schemas.ts';
import { names, topologyOf } from '../../lib/federation/topology.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../emulator/server.ts';
import { startQueueRunner } from '../queue-runner.ts';
import { provision } from './provision.ts';

const federation = {
  schema: 'fedcardio.federation/1' as const,
  id: 'f',
  sites: ['berlin', 'bonn'].map((id) => ({ id, name: id })),
};
const topology = topologyOf(federation);
let directory: string;
let server: EmbeddedServer;
let notApplied: readonly string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-provision-'));
  server = await startEmbeddedServer({ dataDir: directory });
  notApplied = await provision(synthesizeDataStacks(topology), server);
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

async function attributesOf(queue: string): Promise<Readonly<Record<string, string>>> {
  const sqs = createSqsClient(server);
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: queue }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  return Attributes ?? {};
}

describe('provisioning', () => {
  test('creates every bucket, queue and dead-letter queue', async () => {
    const { Buckets } = await createS3Client(server).send(new ListBucketsCommand({}));

    expect(Buckets?.map((bucket) => bucket.Name)).toEqual(topology.buckets.map((bucket) => bucket.name).toSorted());
    for (const queue of topology.queues) {
      const attributes = await attributesOf(queue.name);
      const { QueueArn } = await attributesOf(queue.deadLetterQueue);
      expect(attributes.VisibilityTimeout).toBe(String(queue.visibilityTimeoutSeconds));
      expect(JSON.parse(attributes.RedrivePolicy ?? '{}')).toEqual({
        deadLetterTargetArn: QueueArn,
        maxReceiveCount: 5,
      });
    }
  });

  test('is idempotent and restores attributes that were changed', async () => {
    const queues = createQueues(server);
    const intake = names.intakeQueue('f', 'berlin');
    const before = await queues.depth(intake);
    const sqs = createSqsClient(server);
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: intake }));
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '1' } }));

    await provision(synthesizeDataStacks(topology), server);

    expect(await queues.depth(intake)).toEqual(before);
    expect((await attributesOf(intake)).VisibilityTimeout).toBe('720');
    expect((await attributesOf(intake)).MessageRetentionPeriod).toBe(String(14 * 24 * 3600));
    const { QueueConfigurations } = await createS3Client(server).send(
      new GetBucketNotificationConfigurationCommand({ Bucket: names.siteBucket('f', 'berlin') }),
    );
    expect(QueueConfigurations).toHaveLength(4);
  });

  test('returns what was not applied', () => {
    expect(notApplied).toEqual([
      'KMS::Alias',
      'KMS::Key',
      expect.stringMatching(/^S3::Bucket \(BucketEncryption, .*VersioningConfiguration\)$/),
      'S3::Bucket without a name',
      'S3::BucketPolicy',
      'SQS::Queue (SqsManagedSseEnabled)',
      'SQS::QueuePolicy',
    ]);
  });

  test('names the resource that could not be created', async () => {
    const Bucket = { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'NOT A BUCKET' } };

    await expect(provision([{ stackName: 'bad', template: { Resources: { Bucket } } }], server)).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringContaining('NOT A BUCKET'),
    });
  });
});

describe('from an upload to a handler', () => {
  test('sends events to the queue of their filter, and failed messages to the dead-letter queue unchanged', async () => {
    const seen: string[] = [];
    const record =
      (fail: boolean): SqsHandler =>
      async ({ Records }) => {
        for (const { body } of Records) {
          const event = s3EventSchema.parse(JSON.parse(body));
          if ('Records' in event) seen.push(...event.Records.map(({ s3 }) => `${s3.bucket.name}/${s3.object.key}`));
        }
        if (fail) throw new Error('not today');
        return { batchItemFailures: [] };
      };
    const openBucket = createObjectStorage(server);
    const queues = createQueues(server);
    const runner = startQueueRunner({
      context: {
        federation,
        ...storesOf(openBucket, federation.id),
        queues,
        launcher: { submit: async () => undefined },
        now: () => new Date(),
        log: () => undefined,
      },
      topology,
      handlers: { intake: record(false), dispatch: record(false), orchestrate: record(true), aggregate: record(false) },
      retrySeconds: 0,
    });

    await openBucket('f-site-berlin').put('cases/p 1/image.nii.gz', 'x');
    await openBucket('f-site-berlin').put('catalog/p1.json', 'not notified');
    await openBucket('f-federation').put('campaigns/c/campaign.json', '{}');
    await runner.idle();
    await runner.stop();

    const campaign = 'f-federation/campaigns/c/campaign.json';
    expect(seen.toSorted()).toEqual([...Array(5).fill(campaign), 'f-site-berlin/cases/p+1/image.nii.gz']);
    const dead = await queues.receive('f-orchestrate-dlq', { max: 10, waitSeconds: 0 });
    expect(dead.some(({ body }) => body.includes('campaigns/c/campaign.json'))).toBe(true);
  });
});

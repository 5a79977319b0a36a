import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect } from 'vitest';
import { createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../local/emulator/server.ts';

const GIVEN = process.env.FEDCARDIO_CONTRACT_ENDPOINT;

/** Whether the suite starts its own back end, and so can restart it. */
export const IS_EMBEDDED = GIVEN === undefined;

/** Skips tests of AWS features that LocalStack lacks, see docs/emulators.md. */
export const IS_LOCALSTACK =
  GIVEN !== undefined &&
  GIVEN !== 'aws' &&
  (await fetch(new URL('/_localstack/health', GIVEN)).then(
    ({ ok }) => ok,
    () => false,
  ));

/**
 * The back end of the contract suite: FEDCARDIO_CONTRACT_ENDPOINT, AWS if that is `aws`, or an embedded server for each
 * file. Buckets and queues have names of this run and are removed at the end.
 */
export function useBackend() {
  const failures: unknown[] = [];
  const run = randomUUID().slice(0, 8);
  const bucket = `fedcardio-contract-${run}`;
  const queueUrls: string[] = [];
  let directory: string | undefined;
  let server: EmbeddedServer | undefined;
  let s3: S3Client;
  let sqs: SQSClient;

  async function start(): Promise<void> {
    if (directory)
      server = await startEmbeddedServer({ dataDir: directory, onFailure: (error) => failures.push(error) });
    s3 = createS3Client({ endpoint: endpoint() });
    sqs = createSqsClient({ endpoint: endpoint() });
  }
  async function stop(): Promise<void> {
    s3.destroy();
    sqs.destroy();
    await server?.close();
  }
  const endpoint = (): string | undefined => (GIVEN === 'aws' ? undefined : (GIVEN ?? server?.endpoint));

  beforeAll(async () => {
    if (IS_EMBEDDED) directory = await mkdtemp(join(tmpdir(), 'fedcardio-contract-'));
    await start();
    const region = (await s3.config.region()) as BucketLocationConstraint;
    const CreateBucketConfiguration = (region as string) === 'us-east-1' ? undefined : { LocationConstraint: region };
    await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration }));
  });
  afterAll(async () => {
    for (const QueueUrl of queueUrls) await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
      const Objects = Contents.map(({ Key }) => ({ Key }));
      if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
    }
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    await stop();
    if (directory) await rm(directory, { recursive: true });
    expect(failures).toEqual([]);
  });

  const receive = async (QueueUrl: string, rest: object = {}): Promise<readonly Message[]> => {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      ...rest,
    });
    return (await sqs.send(command)).Messages ?? [];
  };
  return {
    bucket,
    endpoint,
    s3: () => s3,
    sqs: () => sqs,
    /** Stops the back end and starts it with the same data. */
    async restart(): Promise<void> {
      await stop();
      await start();
    },
    put: (Key: string, Body: string | Uint8Array = 'x', rest: object = {}) =>
      s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.from(Body), ...rest })),
    async get(Key: string, rest: object = {}) {
      const output = await s3.send(new GetObjectCommand({ Bucket: bucket, Key, ...rest }));
      return { ...output, bytes: Buffer.from((await output.Body?.transformToByteArray()) ?? []) };
    },
    /** Creates a queue with a name of this run. */
    async createQueue(name: string, Attributes: Record<string, string> = {}) {
      const { QueueUrl = '' } = await sqs.send(
        new CreateQueueCommand({ QueueName: `fedcardio-${run}-${name}`, Attributes }),
      );
      queueUrls.push(QueueUrl);
      const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
      return { QueueUrl, QueueArn: answer.Attributes?.QueueArn as string };
    },
    receive,
    /** Receives and deletes messages until `enough` holds for all of them. */
    async collect(QueueUrl: string, enough: (messages: readonly Message[]) => boolean): Promise<readonly Message[]> {
      const messages: Message[] = [];
      const deadline = Date.now() + 50_000;
      while (!enough(messages) && Date.now() < deadline) {
        for (const message of await receive(QueueUrl, { WaitTimeSeconds: 2 })) {
          messages.push(message);
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
        }
      }
      return messages;
    },
  };
}

/** Matches an error of the SDK. */
export const failure = (name: string, status: number) => ({
  name,
  $metadata: expect.objectContaining({ httpStatusCode: status }),
});

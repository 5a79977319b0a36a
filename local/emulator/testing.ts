import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect } from 'vitest';
import { createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import type { FaultsInput } from './faults/configuration.ts';
import { type EmbeddedServer, startEmbeddedServer } from './server.ts';

export const MIB = 1024 ** 2;
export const BUCKET = 'bucket';

/** A server, clients and a bucket for the tests of a file. An internal failure of the server fails them. */
export function useServer() {
  const failures: unknown[] = [];
  let directory: string;
  let server: EmbeddedServer;
  let s3: S3Client;
  let sqs: SQSClient;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fedcardio-server-'));
    server = await startEmbeddedServer({ dataDir: directory, onFailure: (error) => failures.push(error) });
    s3 = createS3Client(server);
    sqs = createSqsClient(server);
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  });
  afterAll(async () => {
    s3.destroy();
    sqs.destroy();
    await server.close();
    await rm(directory, { recursive: true });
    expect(failures).toEqual([]);
  });

  const send: S3Client['send'] = ((command: never) => s3.send(command)) as S3Client['send'];
  return {
    url: (path: string) => server.endpoint + path,
    endpoint: () => server.endpoint,
    sqs: () => sqs,
    port: () => server.port,
    /** Number of files that the server has. */
    files: () =>
      readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length,
    send,
    put: (Key: string, Body: string | Uint8Array = 'x', rest: object = {}) =>
      send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.from(Body), ...rest })),
    async get(Key: string, rest: object = {}) {
      const output = await send(new GetObjectCommand({ Bucket: BUCKET, Key, ...rest }));
      return { ...output, bytes: Buffer.from((await output.Body?.transformToByteArray()) ?? []) };
    },
    /** @returns URL and ARN of the queue */
    async createQueue(QueueName: string) {
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName }));
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
      return { QueueUrl, QueueArn: Attributes?.QueueArn as string };
    },
    async receive(QueueUrl: string | undefined, WaitTimeSeconds = 0): Promise<readonly Message[]> {
      const command = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds, MaxNumberOfMessages: 10 });
      return (await sqs.send(command)).Messages ?? [];
    },
    async setFaults(rules: FaultsInput['rules'], seed = 1): Promise<void> {
      const body = JSON.stringify({ seed, rules });
      const { status } = await fetch(`${server.endpoint}/_fedcardio/faults`, { method: 'PUT', body });
      expect(status).toBe(200);
    },
    async struck(): Promise<readonly number[]> {
      const answer = await fetch(`${server.endpoint}/_fedcardio/faults`);
      return ((await answer.json()) as { readonly struck: readonly number[] }).struck;
    },
    /** Uploads parts and returns the input of their completion. */
    async startUpload(Key: string, parts: readonly Uint8Array[], rest: object = {}) {
      const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key, ...rest }));
      const Parts = await Promise.all(
        parts.map(async (Body, i) => {
          const PartNumber = i + 1;
          const part = { Bucket: BUCKET, Key, UploadId, PartNumber, Body, ...rest };
          const { ETag, ChecksumCRC32 } = await send(new UploadPartCommand(part));
          return { PartNumber, ETag, ChecksumCRC32 };
        }),
      );
      return { Bucket: BUCKET, Key, UploadId, MultipartUpload: { Parts } };
    },
  };
}

/** Matches an S3 error of the SDK. */
export const failure = (name: string, status: number) => ({
  name,
  $metadata: expect.objectContaining({ httpStatusCode: status }),
});

export const md5 = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex');

/** Sends a recorded request, unchanged except for its port, and returns the final answer. */
export function sendRaw(port: number, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const own = Buffer.from(request.toString('latin1').replace(/^host: .*$/im, `host: 127.0.0.1:${port}`), 'latin1');
    const socket = connect(port, '127.0.0.1', () => socket.write(own));
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      // A client that waits for it gets a provisional answer first.
      const final = answer.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
      const length = /content-length: (\d+)/i.exec(final)?.[1];
      if (length === undefined || final.length < final.indexOf('\r\n\r\n') + 4 + Number(length)) return;
      socket.end();
      resolve(final);
    });
    socket.on('error', reject);
  });
}

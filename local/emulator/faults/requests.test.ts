import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../../../lib/aws/objects.ts';
import { createQueues } from '../../../lib/aws/queues.ts';
import { BUCKET, failure, MIB, md5, useServer } from '../testing.ts';
import type { FaultsInput } from './configuration.ts';

const server = useServer();
const openBucket = (bucket: string) => createObjectStorage({ endpoint: server.endpoint() })(bucket);

/** Clients without retries, so that the fault is visible. */
const impatient = () => ({
  endpoint: server.endpoint(),
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
});
const once = () => new S3Client({ ...impatient(), forcePathStyle: true });
const put = (Key: string, Body: Uint8Array | string = 'x', rest: object = {}) =>
  once().send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.from(Body), ...rest }));
async function get(Key: string): Promise<Buffer> {
  const { Body } = await once().send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
async function* twoParts() {
  yield Buffer.alloc(5 * MIB);
  yield Buffer.from('x');
}
const exists = async (key: string) => (await openBucket(BUCKET).head(key)) !== undefined;
const off = () => server.setFaults([]);
const CUT = expect.objectContaining({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });

afterEach(off);

describe('a request', () => {
  test('gets 409 if it is a conditional write, and stores nothing', async () => {
    await server.setFaults([{ fault: 'conflict' }]);
    await put('plain');
    await expect(put('conflict', 'x', { IfNoneMatch: '*' })).rejects.toMatchObject(
      failure('ConditionalRequestConflict', 409),
    );
    await off();
    expect([await exists('plain'), await exists('conflict')]).toEqual([true, false]);
  });

  test('gets 503 and stores nothing', async () => {
    await server.setFaults([{ fault: 'slow-down', operations: ['PutObject'] }]);
    await expect(put('slow-down')).rejects.toMatchObject(failure('SlowDown', 503));
    expect(await exists('slow-down')).toBe(false);
  });

  test('gets 507 of a full disk and stores nothing', async () => {
    await server.setFaults([{ fault: 'disk-full', operations: ['PutObject'] }]);
    await expect(put('disk-full')).rejects.toMatchObject(failure('InsufficientStorage', 507));
    await expect(openBucket(BUCKET).put('disk-full', 'x')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await exists('disk-full')).toBe(false);
  });

  test('is delayed', async () => {
    await server.setFaults([{ fault: 'slow', ms: 300, operations: ['PutObject'] }]);
    const before = performance.now();
    await put('slow');
    // Timers may fire slightly early.
    expect(performance.now() - before).toBeGreaterThan(295);
    expect(await exists('slow')).toBe(true);
  });

  test('loses its connection before it takes effect', async () => {
    await server.setFaults([{ fault: 'cut-before', operations: ['PutObject'] }]);
    await expect(put('cut-before')).rejects.toEqual(CUT);
    expect(await exists('cut-before')).toBe(false);
  });

  test('loses its connection after it took effect', async () => {
    await server.setFaults([{ fault: 'cut-after', operations: ['PutObject'] }]);
    await expect(put('cut-after')).rejects.toEqual(CUT);
    expect(await exists('cut-after')).toBe(true);
  });

  test('that loses its connection after it was answered does not keep the files of what it read', async () => {
    await put('cut-after', randomBytes(3 * MIB));
    const before = server.files();
    await server.setFaults([{ fault: 'cut-after', operations: ['GetObject'] }]);
    await expect(get('cut-after')).rejects.toEqual(CUT);
    await off();

    await put('cut-after', 'new');

    await expect.poll(server.files).toBe(before);
  });

  test.each([10, 3 * MIB])(
    'is cut half-way through its body of %i bytes, which leaves the old object',
    async (bytes) => {
      await put('cut-upload', 'old');
      await server.setFaults([{ fault: 'cut-upload', operations: ['PutObject'] }]);
      await expect(put('cut-upload', randomBytes(bytes))).rejects.toEqual(CUT);
      await off();
      expect((await get('cut-upload')).toString()).toBe('old');
    },
  );

  test.each([10, 3 * MIB])('loses its connection half-way through an answer of %i bytes', async (bytes) => {
    const body = randomBytes(bytes);
    await put('cut-download', body);
    await server.setFaults([{ fault: 'cut-download', operations: ['GetObject'] }]);

    const answer = await fetch(server.url(`/${BUCKET}/cut-download`));
    const received: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of answer.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
        received.push(chunk);
      }
    })();

    expect(answer.headers.get('content-length')).toBe(String(bytes));
    await expect(reading).rejects.toThrow('terminated');
    const half = Buffer.concat(received);
    expect(half.length).toBeLessThanOrEqual(bytes / 2);
    expect(Buffer.compare(half, body.subarray(0, half.length))).toBe(0);
    if (bytes === 10) expect(half).toHaveLength(5);
    await off();
    expect(md5(await get('cut-download'))).toBe(md5(body));
  });

  test('loses its connection half-way through a document, and before an answer without a body', async () => {
    await server.setFaults([{ fault: 'cut-download' }]);
    const answer = await fetch(server.url(`/${BUCKET}?list-type=2`));
    await expect(answer.text()).rejects.toThrow('terminated');
    await expect(once().send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'plain' }))).rejects.toEqual(CUT);
  });

  test('to SQS gets the same faults', async () => {
    const { QueueUrl } = await server.createQueue('faulty');
    const sqs = new SQSClient({ ...impatient(), useQueueUrlAsEndpoint: false });
    const send = (MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));

    await server.setFaults([{ fault: 'slow-down', target: '^faulty$' }]);
    await expect(send('refused')).rejects.toMatchObject(failure('ServiceUnavailable', 503));
    for (const fault of ['cut-before', 'cut-upload'] as const) {
      await server.setFaults([{ fault }]);
      await expect(send(fault)).rejects.toEqual(CUT);
    }
    for (const fault of ['cut-after', 'cut-download'] as const) {
      await server.setFaults([{ fault }]);
      await expect(send(fault)).rejects.toEqual(CUT);
    }
    await off();
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    expect(Messages?.map(({ Body }) => Body).toSorted()).toEqual(['cut-after', 'cut-download']);
  });
});

describe('a client with retries', () => {
  const first = (fault: 'slow-down' | 'cut-before' | 'cut-after' | 'cut-upload' | 'cut-download') => ({
    fault,
    operations: ['PutObject' as const],
    times: 1,
  });

  test.each<[string, FaultsInput['rules'][number]]>([
    ['503', first('slow-down')],
    ['a connection lost before the effect', first('cut-before')],
    ['a connection lost after the effect', first('cut-after')],
    ['half a body', first('cut-upload')],
    ['half an answer', first('cut-download')],
  ])('completes its write after %s', async (_what, rule) => {
    const body = randomBytes(MIB);
    await server.setFaults([rule]);
    await openBucket(BUCKET).put('again', body);
    expect(await server.struck()).toEqual([1]);
    expect(md5((await openBucket(BUCKET).get('again')).body)).toBe(md5(body));
  });

  test('creates an object despite a conflict', async () => {
    await server.setFaults([{ fault: 'conflict', times: 2 }]);
    expect(await openBucket(BUCKET).putIfAbsent('conflict-again', 'mine')).toBe('created');
    expect(await server.struck()).toEqual([2]);
  });

  test('gets PreconditionFailed for its own object if the answer to its creation was lost', async () => {
    await server.setFaults([first('cut-after')]);

    expect(await openBucket(BUCKET).putIfAbsent('own', 'mine')).toBe('exists');

    expect(Buffer.from((await openBucket(BUCKET).get('own')).body).toString()).toBe('mine');
  });

  test('writes a multipart object while requests of each kind fail, also from memory that it gives back', async () => {
    const parts = Array.from({ length: 10 }, () => randomBytes(5 * MIB));
    const free: Uint8Array[] = [];
    async function* inFreeMemory() {
      for (const part of parts) {
        const memory = free.pop() ?? Buffer.alloc(part.length);
        memory.set(part);
        yield memory;
      }
    }
    await server.setFaults([
      { fault: 'cut-download', operations: ['CreateMultipartUpload'], times: 1 },
      { fault: 'slow-down', operations: ['UploadPart'], times: 1 },
      { fault: 'cut-upload', operations: ['UploadPart'], times: 1 },
      { fault: 'cut-after', operations: ['UploadPart'], times: 1 },
      { fault: 'cut-before', operations: ['CompleteMultipartUpload'], times: 1 },
    ]);
    await openBucket(BUCKET).putParts('parts', inFreeMemory(), (memory) => free.push(memory));
    expect(await server.struck()).toEqual([1, 1, 1, 1, 1]);
    expect(new Set(free).size).toBeLessThan(parts.length);
    expect(md5((await openBucket(BUCKET).get('parts')).body)).toBe(md5(Buffer.concat(parts)));
  });

  test('gets NoSuchUpload if the answer to a completion was lost, and finds the object', async () => {
    const upload = await server.startUpload('completed', [Buffer.from('part')]);
    await server.setFaults([{ fault: 'cut-after', operations: ['CompleteMultipartUpload'], times: 1 }]);
    await expect(server.send(new CompleteMultipartUploadCommand(upload))).rejects.toMatchObject(
      failure('NoSuchUpload', 404),
    );
    expect((await get('completed')).toString()).toBe('part');
  });

  test('completes a multipart object if the answer to the completion was lost', async () => {
    await server.setFaults([{ fault: 'cut-after', operations: ['CompleteMultipartUpload'], times: 1 }]);

    const { etag } = await openBucket(BUCKET).putParts('answer-lost', twoParts());

    expect(await openBucket(BUCKET).head('answer-lost')).toMatchObject({ bytes: 5 * MIB + 1, etag });
  });

  test('sends a message twice if the answer was lost', async () => {
    await server.createQueue('twice');
    await server.setFaults([{ fault: 'cut-after', operations: ['SendMessage'], times: 1 }]);
    const queues = createQueues({ endpoint: server.endpoint() });
    await queues.send('twice', 'x');
    expect(await queues.depth('twice')).toEqual({ waiting: 2, inFlight: 0 });
  });
});

describe('a run', () => {
  test('can be repeated with its seed', async () => {
    const run = async (seed: number) => {
      await server.setFaults([{ fault: 'slow-down', rate: 0.5, target: 'run/' }], seed);
      const keys = Array.from({ length: 24 }, (_, i) => `run/${i}`);
      const answers = await Promise.all(keys.map((key) => fetch(server.url(`/${BUCKET}/${key}`), { method: 'HEAD' })));
      return answers.map(({ status }) => status);
    };
    const first = await run(1);
    expect(new Set(first)).toEqual(new Set([404, 503]));
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });
});

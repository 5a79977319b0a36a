import { beforeAll, describe, expect, test } from 'vitest';
import { createObjects } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import type { Objects, Queues } from '../../lib/storage/contract.ts';
import { createMemoryObjects } from '../../lib/storage/testing-objects.ts';
import { createMemoryQueues } from '../../lib/storage/testing-queues.ts';
import { IS_EMBEDDED, useBackend } from '../helpers/backend.ts';

const backend = useBackend();
const { bucket: BUCKET } = backend;
let QUEUE: string;

beforeAll(async () => {
  const { QueueUrl } = await backend.createQueue('storage', { VisibilityTimeout: '30' });
  QUEUE = QueueUrl.split('/').at(-1) as string;
});

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
async function all<T>(objects: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const object of objects) found.push(object);
  return found;
}

describe.each([
  ['memory', () => createMemoryObjects()],
  ['the SDK', () => createObjects({ endpoint: backend.endpoint() })],
])('objects by %s', (_name, create: () => Objects) => {
  let objects: Objects;
  beforeAll(() => {
    objects = create();
  });

  test('gives back what was put, with its ETag and size', async () => {
    const { etag } = await objects.put(BUCKET, 'round trip/ü+1.txt', 'hello', { contentType: 'text/plain' });

    const stored = await objects.get(BUCKET, 'round trip/ü+1.txt');
    const info = await objects.head(BUCKET, 'round trip/ü+1.txt');

    expect(text(stored.body)).toBe('hello');
    expect(stored.etag).toBe(etag);
    expect(etag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(info).toMatchObject({ key: 'round trip/ü+1.txt', bytes: 5, etag });
    expect(Math.abs(Date.now() - (info?.lastModified.getTime() ?? 0))).toBeLessThan(60_000);
  });

  test('tells a missing object from a present one', async () => {
    await expect(objects.get(BUCKET, 'missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(objects.getRange(BUCKET, 'missing', 0, 4)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(objects.stream(BUCKET, 'missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await objects.tryGet(BUCKET, 'missing')).toBeUndefined();
    expect(await objects.head(BUCKET, 'missing')).toBeUndefined();
  });

  test('reads ranges into memory that it is given', async () => {
    await objects.put(BUCKET, 'range-into', '0123456789');
    const memory = new Uint8Array(6).fill(46);

    const read = await objects.getRange(BUCKET, 'range-into', 7, 12, memory);

    expect(text(read)).toBe('789');
    expect(read.buffer).toBe(memory.buffer);
    expect(text(memory)).toBe('789...');
  });

  test('reads ranges, cut where the object ends', async () => {
    await objects.put(BUCKET, 'range', '0123456789');

    const read = async (start: number, end: number) => text(await objects.getRange(BUCKET, 'range', start, end));

    expect(await read(2, 5)).toBe('234');
    expect(await read(8, 99)).toBe('89');
    expect(await read(10, 12)).toBe('');
    expect(await read(4, 4)).toBe('');
  });

  test('streams', async () => {
    await objects.put(BUCKET, 'stream', 'x'.repeat(300_000));

    let bytes = 0;
    for await (const chunk of await objects.stream(BUCKET, 'stream')) bytes += (chunk as Uint8Array).length;

    expect(bytes).toBe(300_000);
  });

  test('lets one of many racers create an object', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => objects.putIfAbsent(BUCKET, 'race', `racer ${i}`)),
    );

    const winner = outcomes.indexOf('created');
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    expect(text((await objects.get(BUCKET, 'race')).body)).toBe(`racer ${winner}`);
  });

  test('replaces only the version that was read', async () => {
    const { etag } = await objects.put(BUCKET, 'versioned', 'one');
    await objects.put(BUCKET, 'versioned', 'two', { ifMatch: etag });

    const late = objects.put(BUCKET, 'versioned', 'three', { ifMatch: etag });

    await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    await expect(objects.put(BUCKET, 'nothing', 'x', { ifMatch: etag })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(objects.put(BUCKET, 'versioned', 'x', { ifNoneMatch: '*' })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
    expect(text((await objects.get(BUCKET, 'versioned')).body)).toBe('two');
  });

  test.each([0, 1, 6])('writes %i parts as one object', async (count) => {
    const part = (i: number) => Buffer.alloc(5 * 1024 ** 2 + i, i);
    async function* parts() {
      for (let i = 0; i < count; i++) yield part(i);
    }

    const { etag } = await objects.putParts(BUCKET, `parts-${count}`, parts());

    const stored = await objects.get(BUCKET, `parts-${count}`);
    expect(stored.etag).toBe(etag);
    expect(Buffer.compare(stored.body, Buffer.concat(Array.from({ length: count }, (_, i) => part(i))))).toBe(0);
  });

  test('leaves nothing of parts whose source fails, and passes the failure on', async () => {
    async function* parts() {
      yield Buffer.alloc(5 * 1024 ** 2);
      yield Buffer.alloc(5 * 1024 ** 2);
      throw new Error('the source broke');
    }

    await expect(objects.putParts(BUCKET, 'broken', parts())).rejects.toThrow('the source broke');

    expect(await objects.head(BUCKET, 'broken')).toBeUndefined();
  });

  test('lists a prefix in byte order, over pages', async () => {
    const keys = ['list/a', 'list/a/b', 'list/Z', 'list/\u{1f600}', 'list/\uffee', 'list/a b+c%d', 'list/é'];
    for (const key of [...keys, 'listed', 'other']) await objects.put(BUCKET, key, key);
    await Promise.all(
      Array.from({ length: 1100 }, (_, i) => objects.put(BUCKET, `many/${String(i).padStart(4, '0')}`, '')),
    );

    const listed = await all(objects.list(BUCKET, 'list/'));
    const many = await all(objects.list(BUCKET, 'many/'));

    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(listed.map((object) => object.key)).toEqual(sorted);
    expect(listed[0]).toMatchObject({ bytes: Buffer.byteLength(sorted[0] as string) });
    expect(many.map((object) => object.key)).toEqual(
      Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(4, '0')}`),
    );
    expect(await all(objects.list(BUCKET, 'nowhere/'))).toEqual([]);
  });

  test('names the folders right below a prefix', async () => {
    for (const key of ['f/a/1', 'f/a/b/2', 'f/c+d é/3', 'f/file', 'g/h/4']) await objects.put(BUCKET, key, key);

    expect(await all(objects.folders(BUCKET, 'f/'))).toEqual(['f/a/', 'f/c+d é/']);
    expect(await all(objects.folders(BUCKET, 'nowhere/'))).toEqual([]);
  });

  test('deletes, also what is not there', async () => {
    await objects.put(BUCKET, 'doomed', 'x');

    await objects.delete(BUCKET, 'doomed');
    await objects.delete(BUCKET, 'doomed');

    expect(await objects.head(BUCKET, 'doomed')).toBeUndefined();
  });
});

describe.each([
  ['memory', () => createMemoryQueues()],
  ['the SDK', () => createQueues({ endpoint: backend.endpoint() })],
])('queues by %s', (_name, create: () => Queues) => {
  let queues: Queues;
  beforeAll(() => {
    queues = create();
  });
  const receive = (waitSeconds = 5, signal?: AbortSignal) =>
    queues.receive(QUEUE, { max: 10, waitSeconds, ...(signal ? { signal } : {}) });

  test('hides a received message, shows it again on request and forgets it when deleted', async () => {
    await queues.send(QUEUE, 'hello');

    const [first] = await receive();
    expect(first).toMatchObject({ body: 'hello', receiveCount: 1 });
    expect(await queues.depth(QUEUE)).toEqual({ waiting: 0, inFlight: 1 });
    expect(await receive(0)).toEqual([]);

    await queues.changeVisibility(QUEUE, first?.receipt as string, 0);
    const [again] = await receive();
    expect(again).toMatchObject({ id: first?.id, receiveCount: 2 });

    await queues.delete(QUEUE, [again?.receipt as string]);
    expect(await queues.depth(QUEUE)).toEqual({ waiting: 0, inFlight: 0 });
  });

  test('wakes a long poll when a message comes', async () => {
    const waiting = receive(20);
    await queues.send(QUEUE, 'wake up');

    const [message] = await waiting;

    expect(message?.body).toBe('wake up');
    await queues.delete(QUEUE, [message?.receipt as string]);
  });

  // Elsewhere the next message may go to the poll that is gone, and is hidden until its visibility ends.
  test.skipIf(!IS_EMBEDDED)('ends a long poll at once when aborted, and loses no message to it', async () => {
    const abort = new AbortController();
    const waiting = receive(20, abort.signal);
    setTimeout(() => abort.abort(), 50);
    expect(await waiting).toEqual([]);

    await queues.send(QUEUE, 'for the next');
    const [message] = await receive(20);

    expect(message?.body).toBe('for the next');
    await queues.delete(QUEUE, [message?.receipt as string]);
  });
});

describe('failures of the SDK', () => {
  test('name what was attempted and on what', async () => {
    const objects = createObjects({ endpoint: backend.endpoint() });

    await expect(objects.put('no-such-bucket', 'a/b', 'x')).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringContaining('write s3://no-such-bucket/a/b'),
      hint: expect.stringContaining('Provision'),
    });
    await expect(objects.tryGet('no-such-bucket', 'a/b')).rejects.toMatchObject({ code: 'STORAGE' });
    await expect(all(objects.list('no-such-bucket', ''))).rejects.toMatchObject({ code: 'STORAGE' });
    await expect(createQueues({ endpoint: backend.endpoint() }).send('no-such-queue', 'x')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('no-such-queue'),
    });
  });

  test('says that nobody listens', async () => {
    const objects = createObjects({ endpoint: 'http://127.0.0.1:9' });

    await expect(objects.get('bucket', 'key')).rejects.toMatchObject({
      code: 'STORAGE',
      hint: expect.stringContaining('running'),
    });
  });
});

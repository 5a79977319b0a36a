import { beforeAll, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import type { ObjectStore, OpenBucket, Queues } from '../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
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
  ['memory', () => createMemoryStorage()],
  ['the SDK', () => createObjectStorage({ endpoint: backend.endpoint() })],
])('objects by %s', (_name, create: () => OpenBucket) => {
  let store: ObjectStore;
  beforeAll(() => {
    store = create()(BUCKET);
  });

  test('returns what was put, with ETag and size', async () => {
    const { etag } = await store.put('round trip/ü+1.txt', 'hello', { contentType: 'text/plain' });

    const stored = await store.get('round trip/ü+1.txt');
    const info = await store.head('round trip/ü+1.txt');

    expect(text(stored.body)).toBe('hello');
    expect(stored.etag).toBe(etag);
    expect(etag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(info).toMatchObject({ key: 'round trip/ü+1.txt', bytes: 5, etag });
    expect(Math.abs(Date.now() - (info?.lastModified.getTime() ?? 0))).toBeLessThan(60_000);
  });

  test('lists versions in byte order of keys, and deletes one for good', async () => {
    for (const key of ['versions/b', 'versions/a/1', 'versions/ü', 'version']) await store.put(key, 'hello');
    await store.put('versions/b', 'hello again');

    const before = await all(store.versions('versions/'));
    await store.deleteVersion('versions/b', 'null');
    await store.deleteVersion('versions/missing', 'null');

    expect(before).toEqual(
      ['versions/a/1', 'versions/b', 'versions/ü'].map((key) => ({
        ...{ key, version: 'null', isLatest: true, isMarker: false },
        bytes: key === 'versions/b' ? 11 : 5,
      })),
    );
    expect((await all(store.versions('versions/'))).map(({ key }) => key)).toEqual(['versions/a/1', 'versions/ü']);
    expect(await store.head('versions/b')).toBeUndefined();
  });

  test('distinguishes missing objects', async () => {
    await expect(store.get('missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.getRange('missing', 0, 4)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.stream('missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await store.tryGet('missing')).toBeUndefined();
    expect(await store.head('missing')).toBeUndefined();
  });

  test('does not read an object that is longer than its reader allows', async () => {
    await store.put('longer', '0123456789');

    await expect(store.tryGet('longer', 9)).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      message: expect.stringMatching(/\/longer has 10 bytes, 9 are allowed\.$/),
    });
    expect(text((await store.tryGet('longer', 10))?.body ?? new Uint8Array())).toBe('0123456789');
    expect(await store.tryGet('missing', 9)).toBeUndefined();
  });

  test('reads ranges into given memory', async () => {
    await store.put('range-into', '0123456789');
    const memory = new Uint8Array(6).fill(46);

    const read = await store.getRange('range-into', 7, 12, memory);

    expect(text(read)).toBe('789');
    expect(read.buffer).toBe(memory.buffer);
    expect(text(memory)).toBe('789...');
  });

  test('reads ranges, truncated at the end of the object', async () => {
    await store.put('range', '0123456789');

    const read = async (start: number, end: number) => text(await store.getRange('range', start, end));

    expect(await read(2, 5)).toBe('234');
    expect(await read(8, 99)).toBe('89');
    expect(await read(10, 12)).toBe('');
    expect(await read(4, 4)).toBe('');
  });

  test('streams', async () => {
    await store.put('stream', 'x'.repeat(300_000));

    let bytes = 0;
    for await (const chunk of await store.stream('stream')) bytes += (chunk as Uint8Array).length;

    expect(bytes).toBe(300_000);
  });

  test('lets one of many racers create an object', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => store.putIfAbsent('race', `racer ${i}`)));

    const winner = outcomes.indexOf('created');
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    expect(text((await store.get('race')).body)).toBe(`racer ${winner}`);
  });

  test('replaces only the version that was read', async () => {
    const { etag } = await store.put('versioned', 'one');
    await store.put('versioned', 'two', { ifMatch: etag });

    const late = store.put('versioned', 'three', { ifMatch: etag });

    await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    await expect(store.put('nothing', 'x', { ifMatch: etag })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(store.put('versioned', 'x', { ifNoneMatch: '*' })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
    expect(text((await store.get('versioned')).body)).toBe('two');
  });

  test.each([0, 1, 6])('writes %i parts as one object', async (count) => {
    const part = (i: number) => Buffer.alloc(5 * 1024 ** 2 + i, i);
    async function* parts() {
      for (let i = 0; i < count; i++) yield part(i);
    }

    const { etag } = await store.putParts(`parts-${count}`, parts());

    const stored = await store.get(`parts-${count}`);
    expect(stored.etag).toBe(etag);
    expect(Buffer.compare(stored.body, Buffer.concat(Array.from({ length: count }, (_, i) => part(i))))).toBe(0);
  });

  test('removes the parts of a source that fails, and throws its error', async () => {
    async function* parts() {
      yield Buffer.alloc(5 * 1024 ** 2);
      yield Buffer.alloc(5 * 1024 ** 2);
      throw new Error('the source failed');
    }

    await expect(store.putParts('broken', parts())).rejects.toThrow('the source failed');

    expect(await store.head('broken')).toBeUndefined();
  });

  test('lists a prefix in byte order across pages', async () => {
    const keys = ['list/a', 'list/a/b', 'list/Z', 'list/\u{1f600}', 'list/\uffee', 'list/a b+c%d', 'list/é'];
    for (const key of [...keys, 'listed', 'other']) await store.put(key, key);
    await Promise.all(Array.from({ length: 1100 }, (_, i) => store.put(`many/${String(i).padStart(4, '0')}`, '')));

    const listed = await all(store.list('list/'));
    const many = await all(store.list('many/'));

    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(listed.map((object) => object.key)).toEqual(sorted);
    expect(listed[0]).toMatchObject({ bytes: Buffer.byteLength(sorted[0] as string) });
    expect(many.map((object) => object.key)).toEqual(
      Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(4, '0')}`),
    );
    expect(await all(store.list('nowhere/'))).toEqual([]);
  });

  test('lists the folders directly below a prefix', async () => {
    for (const key of ['f/a/1', 'f/a/b/2', 'f/c+d é/3', 'f/file', 'g/h/4']) await store.put(key, key);

    expect(await all(store.folders('f/'))).toEqual(['f/a/', 'f/c+d é/']);
    expect(await all(store.folders('nowhere/'))).toEqual([]);
  });

  test('deletes objects, including missing ones', async () => {
    await store.put('doomed', 'x');

    await store.delete('doomed');
    await store.delete('doomed');

    expect(await store.head('doomed')).toBeUndefined();
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

  test('hides a received message, makes it visible on request, and deletes it', async () => {
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

  test('leaves a message as it is that is hidden no more, or deleted, when it is to be released', async () => {
    await queues.send(QUEUE, 'slow');
    const [first] = await receive();
    await queues.changeVisibility(QUEUE, first?.receipt as string, 0);

    await queues.changeVisibility(QUEUE, first?.receipt as string, 30);
    const [again] = await receive();
    expect(again).toMatchObject({ id: first?.id });

    await queues.delete(QUEUE, [again?.receipt as string]);
    await queues.changeVisibility(QUEUE, again?.receipt as string, 0);
    expect(await queues.depth(QUEUE)).toEqual({ waiting: 0, inFlight: 0 });
  });

  test('ends a long poll when a message arrives', async () => {
    const waiting = receive(20);
    await queues.send(QUEUE, 'wake up');

    const [message] = await waiting;

    expect(message?.body).toBe('wake up');
    await queues.delete(QUEUE, [message?.receipt as string]);
  });

  // Other back ends may deliver the next message to the aborted poll, and hide it until its time-out.
  test.skipIf(!IS_EMBEDDED)('ends an aborted long poll at once without losing a message', async () => {
    const abort = new AbortController();
    const waiting = receive(20, abort.signal);
    setTimeout(() => abort.abort(), 50);
    expect(await waiting).toEqual([]);

    await queues.send(QUEUE, 'second message');
    const [message] = await receive(20);

    expect(message?.body).toBe('second message');
    await queues.delete(QUEUE, [message?.receipt as string]);
  });
});

describe('failures of the SDK', () => {
  test('name operation and resource', async () => {
    const openBucket = createObjectStorage({ endpoint: backend.endpoint() });

    await expect(openBucket('no-such-bucket').put('a/b', 'x')).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringContaining('write s3://no-such-bucket/a/b'),
      hint: expect.stringContaining('Check the ids'),
    });
    await expect(openBucket('no-such-bucket').tryGet('a/b')).rejects.toMatchObject({ code: 'STORAGE' });
    await expect(all(openBucket('no-such-bucket').list(''))).rejects.toMatchObject({ code: 'STORAGE' });
    await expect(createQueues({ endpoint: backend.endpoint() }).send('no-such-queue', 'x')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('no-such-queue'),
    });
  });

  test('reports an endpoint that does not answer', async () => {
    const openBucket = createObjectStorage({ endpoint: 'http://127.0.0.1:9' });

    await expect(openBucket('bucket').get('key')).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      hint: expect.stringContaining('running'),
    });
  });
});

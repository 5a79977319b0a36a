import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { ObjectStore } from '../../lib/storage/contract.ts';
import { type JournalLimits, openJournal } from './journal.ts';
import { openStore } from './s3/store.ts';
import { type EmbeddedServer, startEmbeddedServer } from './server.ts';

const Bucket = 'durable';
let directory: string;
let server: EmbeddedServer | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-durable-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(directory, { recursive: true });
});

async function start(): Promise<EmbeddedServer> {
  server = await startEmbeddedServer({ dataDir: directory });
  return server;
}
async function restart(): Promise<EmbeddedServer> {
  await server?.close();
  return start();
}
const bodies = () =>
  readdirSync(join(directory, 's3', 'bodies'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );

describe('a restart', () => {
  test('keeps objects, open uploads and notifications, and removes all other files', async () => {
    let s3 = createS3Client(await start());
    await s3.send(new CreateBucketCommand({ Bucket }));
    await createSqsClient(server).send(new CreateQueueCommand({ QueueName: 'q' }));
    const rule = {
      Id: 'all',
      QueueArn: 'arn:aws:sqs:us-east-1:000000000000:q',
      Events: ['s3:ObjectCreated:*' as const],
    };
    const NotificationConfiguration = { QueueConfigurations: [rule] };
    await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
    const openBucket = createObjectStorage(server);
    for (const body of ['first', 'second'])
      await openBucket(Bucket).put('replaced', body, { metadata: { note: body } });
    await openBucket(Bucket).put('deleted', 'x');
    await openBucket(Bucket).delete('deleted');
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'upload' }));
    const upload = { Bucket, Key: 'upload', UploadId };
    const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: Buffer.from('part') }));
    writeFileSync(join(directory, 's3', 'bodies', '00', '00-of-a-killed-process'), 'x');

    s3 = createS3Client(await restart());

    const reopened = createObjectStorage(server)(Bucket);
    expect(Buffer.from((await reopened.get('replaced')).body).toString()).toBe('second');
    expect(await reopened.head('deleted')).toBeUndefined();
    expect(bodies()).toHaveLength(2);
    const { QueueConfigurations } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
    expect(QueueConfigurations).toMatchObject([{ Id: 'all', QueueArn: rule.QueueArn }]);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
    expect(Buffer.from((await reopened.get('upload')).body).toString()).toBe('part');
  });

  test('frees the parts of uploads that began more than a week ago', async () => {
    const folder = join(directory, 's3');
    const begun = async (daysAgo: number) => {
      const at = new Date(Date.now() - daysAgo * 24 * 3600 * 1000);
      const store = await openStore(folder, () => at);
      if (!store.hasBucket(Bucket)) store.commit({ op: 'create-bucket', bucket: Bucket, at: at.toISOString() });
      const segment = await store.blobs.write(Readable.from([Buffer.alloc(1000)]));
      const id = `upload-${daysAgo}`;
      const upload = {
        id,
        bucket: Bucket,
        key: 'weights',
        headers: {},
        initiatedAt: at.toISOString(),
        hadObject: false,
      };
      store.commit({ op: 'upload', upload });
      store.commit({ op: 'part', upload: id, part: { number: 1, etag: 'e', lastModified: at.toISOString(), segment } });
      store.close();
    };
    await begun(8);
    await begun(6);
    expect(bodies()).toHaveLength(2);

    // Once more: the journal has it, too.
    for (let i = 0; i < 2; i += 1) {
      const store = await openStore(folder, () => new Date());
      expect(bodies()).toHaveLength(1);
      expect(() => store.upload('upload-8', Bucket, 'weights')).toThrow('The specified upload does not exist.');
      expect(store.upload('upload-6', Bucket, 'weights').parts.size).toBe(1);
      store.close();
    }
  });

  test('leaves the dead letters of a redrive that it interrupts where they are', async () => {
    const sqs = createSqsClient(await start());
    const arnOf = async (QueueUrl: string | undefined) =>
      (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }))).Attributes?.QueueArn;
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'dead' }));
    const SourceArn = await arnOf(QueueUrl);
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: SourceArn, maxReceiveCount: 1 });
    const source = await sqs.send(new CreateQueueCommand({ QueueName: 'q', Attributes: { RedrivePolicy } }));
    for (const MessageBody of ['a', 'b', 'c']) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const redrive = { SourceArn, DestinationArn: await arnOf(source.QueueUrl), MaxNumberOfMessagesPerSecond: 10 };
    await sqs.send(new StartMessageMoveTaskCommand(redrive));

    const again = createSqsClient(await restart());
    // The next move would have come by now. An error that nobody handles fails the tests.
    await sleep(200);
    const receive = (url: string | undefined) =>
      again.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
    const left = [await receive(QueueUrl), await receive(source.QueueUrl)].flatMap(({ Messages = [] }) => Messages);
    expect(left.map(({ Body }) => Body).sort()).toEqual(['a', 'b', 'c']);
  });

  test('is refused while another server uses the directory or the port', async () => {
    const first = await start();
    await expect(startEmbeddedServer({ dataDir: directory })).rejects.toMatchObject({ code: 'BAD_CONFIGURATION' });
    const other = await mkdtemp(join(tmpdir(), 'fedcardio-durable-'));
    await expect(startEmbeddedServer({ dataDir: other, port: first.port })).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining(String(first.port)),
    });
    await rm(other, { recursive: true });
  });
});

/** A server in its own process. */
async function spawnServer(): Promise<{ readonly child: ChildProcess; readonly endpoint: string }> {
  const module = new URL('server.ts', import.meta.url).href;
  const source = `const { startEmbeddedServer } = await import('${module}');
    console.log((await startEmbeddedServer({ dataDir: ${JSON.stringify(directory)} })).endpoint);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, endpoint: line.toString().trim() };
}

describe('kill -9', () => {
  const MIB = 1024 ** 2;
  type Put = (store: ObjectStore, key: string, body: Buffer) => Promise<unknown>;

  test.each<[string, number, Put]>([
    ['puts', 200_000, (store, key, body) => store.put(key, body)],
    ['multipart uploads', 5 * MIB + 1000, (store, key, body) => store.putParts(key, partsOf(body))],
  ])('during %s leaves the old objects or the new ones, and loses no confirmed write', async (kind, bytes, put) => {
    const { child, endpoint } = await spawnServer();
    await createS3Client({ endpoint }).send(new CreateBucketCommand({ Bucket }));
    const store = createObjectStorage({ endpoint })(Bucket);
    const confirmed = new Map<string, number>();
    let stop = false;
    const write = async (key: string) => {
      for (let version = 1; !stop; version++) {
        // Each body begins with its version and ends with its hash, so the test detects torn and mixed bodies.
        const content = Buffer.concat([Buffer.from(String(version).padStart(8, '0')), randomBytes(bytes)]);
        const body = Buffer.concat([content, createHash('sha256').update(content).digest()]);
        const done = await put(store, key, body).then(
          () => true,
          () => false,
        );
        if (!done) return;
        confirmed.set(key, version);
      }
    };
    const writers = Promise.all(['a', 'b', 'c', 'd'].map(write));
    await expect
      .poll(() => Math.min(...['a', 'b', 'c', 'd'].map((key) => confirmed.get(key) ?? 0)), { timeout: 30_000 })
      .toBeGreaterThan(3);

    child.kill('SIGKILL');
    await once(child, 'exit');
    stop = true;
    await writers;

    const survivors = createObjectStorage(await start());
    for (const [key, version] of confirmed) {
      const { body } = await survivors(Bucket).get(key);
      const content = body.subarray(0, -32);
      expect(Buffer.from(body.subarray(-32))).toEqual(createHash('sha256').update(content).digest());
      const found = Number(Buffer.from(content.subarray(0, 8)).toString());
      expect(found - version, `${key} is at version ${found}, ${version} was confirmed`).toBeGreaterThanOrEqual(0);
      expect(found - version).toBeLessThanOrEqual(1);
    }
    // The parts of an interrupted upload stay until its owner continues or aborts it.
    if (kind === 'puts') expect(bodies()).toHaveLength(confirmed.size);
  });

  async function* partsOf(body: Buffer) {
    yield body.subarray(0, 5 * MIB);
    yield body.subarray(5 * MIB);
  }
});

/** Opens a journal and collects its records. */
function openRecords(file: string, limits: JournalLimits = {}) {
  const records: unknown[] = [];
  const journal = openJournal<unknown>(file, (record) => records.push(record), limits);
  return { journal, records };
}
function readRecords(file: string, limits: JournalLimits = {}): readonly unknown[] {
  const { journal, records } = openRecords(file, limits);
  journal.close();
  return records;
}

/** A disk with space for some bytes, which writes what still fits. */
function disk(bytes: number) {
  const state = { free: bytes };
  const write: JournalLimits['write'] = (descriptor, data, offset) => {
    if (state.free <= 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const written = writeSync(descriptor, data, offset, Math.min(state.free, data.length - offset));
    state.free -= written;
    return written;
  };
  return { state, write };
}

describe('journal', () => {
  const file = () => join(directory, 'journal');

  test('writes nothing after it is closed, not even to a file that was opened since', async () => {
    const { journal } = openRecords(file());
    journal.append(1);
    journal.close();
    const other = await open(join(directory, 'other'), 'w');
    try {
      expect(() => journal.append(2)).toThrow('is closed');
      expect((await other.stat()).size).toBe(0);
      expect(readRecords(file())).toEqual([1]);
    } finally {
      await other.close();
    }
  });

  test('removes an incomplete last line and appends after the previous one', () => {
    const first = openRecords(file());
    for (const record of [1, 2]) first.journal.append(record);
    first.journal.close();
    appendFileSync(file(), '{"half":');

    const second = openRecords(file());
    second.journal.append(3);
    second.journal.close();

    expect(second.records).toEqual([1, 2]);
    expect(readFileSync(file(), 'utf8')).toBe('1\n2\n3\n');
  });

  test('is replaced atomically and appended to afterwards', () => {
    const { journal } = openRecords(file());
    journal.append(1);
    journal.compactBy(() => [7, 8], 0);
    journal.append(9);
    journal.close();
    expect(readRecords(file())).toEqual([7, 8, 9]);
  });

  test('does not grow with deleted objects', () => {
    const { journal } = openRecords(file());
    let last = -1;
    journal.compactBy(() => [last], 0);
    for (let i = 0; i < 120_000; i++) {
      journal.append(i);
      last = i;
    }
    journal.close();
    const records = readRecords(file());
    expect([records.length, records.at(-1)]).toEqual([20_001, 119_999]);
  });

  test('does not grow with the bytes of deleted objects', () => {
    const { journal } = openRecords(file(), { minGrowthBytes: 10_000 });
    journal.compactBy(() => ['last'], 0);

    for (let i = 0; i < 100; i++) journal.append('x'.repeat(1000));
    journal.close();

    expect(statSync(file()).size).toBeLessThan(12_000);
  });

  test('is written again at the start only if it is more than twice as long as its state', () => {
    const again = (records: number) => {
      writeFileSync(file(), '1\n2\n3\n4\n');
      const { journal } = openRecords(file());
      journal.compactBy(() => [7], records);
      journal.append(5);
      journal.close();
      return readRecords(file());
    };

    expect(again(2)).toEqual([1, 2, 3, 4, 5]);
    expect(again(1)).toEqual([7, 5]);
  });

  test('names the damaged line', () => {
    writeFileSync(file(), '1\nrubbish\n3\n');
    expect(() => openRecords(file())).toThrow(
      expect.objectContaining({ code: 'STORAGE', message: expect.stringContaining('Line 2') }),
    );
  });

  test('is read and compacted in blocks, wherever they end', () => {
    const records = ['', 'a', 'ü\n€\u{1f600}', 'x'.repeat(100), '', 1];
    const torn = '{"text":"ü';
    for (let blockBytes = 1; blockBytes <= 40; blockBytes++) {
      writeFileSync(file(), records.map((record) => `${JSON.stringify(record)}\n`).join('') + torn);

      const { journal, records: found } = openRecords(file(), { blockBytes });
      journal.compactBy(() => found, 0);
      journal.append('last');
      journal.close();

      expect(readRecords(file())).toEqual([...records, 'last']);
    }
  });

  test('never holds more than a record and a block, so that its size is not bounded', () => {
    const record = 'x'.repeat(1000);
    writeFileSync(file(), `${JSON.stringify(record)}\n`.repeat(2000));
    const concat = vi.spyOn(Buffer, 'concat');
    const alloc = vi.spyOn(Buffer, 'alloc');

    const records = readRecords(file(), { blockBytes: 4096 });

    const sizes = [
      ...alloc.mock.calls.map(([size]) => size),
      ...concat.mock.calls.map(([pieces]) => pieces.reduce((sum, { length }) => sum + length, 0)),
    ];
    vi.restoreAllMocks();
    expect(records).toHaveLength(2000);
    expect(Math.max(...sizes)).toBe(4096);
  });

  test.each([0, 1, 5, 9])('loses no confirmed record on a disk with space for %i bytes', (bytes) => {
    const { state, write } = disk(bytes);
    const { journal } = openRecords(file(), { write });
    const confirmed: number[] = [];
    const append = (record: number) => {
      journal.append(record);
      confirmed.push(record);
    };

    for (let i = 0; i < 10; i++) {
      try {
        append(100 + i);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      }
    }
    expect(readFileSync(file(), 'utf8')).toBe(confirmed.map((record) => `${record}\n`).join(''));
    state.free = 100;
    append(1);
    journal.close();

    expect(readRecords(file())).toEqual(confirmed);
  });

  test('keeps its records if the disk has no space for a snapshot', () => {
    const { state, write } = disk(12);
    const { journal } = openRecords(file(), { write, blockBytes: 4 });
    for (const record of [1, 2, 3]) journal.append(record);

    journal.compactBy(() => [100, 200], 0);

    expect(existsSync(`${file()}.new`)).toBe(false);
    state.free = 100;
    journal.append(4);
    journal.close();
    expect(readRecords(file())).toEqual([1, 2, 3, 4]);
  });

  test('removes an unfinished snapshot of a killed process', () => {
    writeFileSync(file(), '1\n');
    writeFileSync(`${file()}.new`, '1\n2');
    expect(readRecords(file())).toEqual([1]);
    expect(existsSync(`${file()}.new`)).toBe(false);
  });
});

describe('a full disk', () => {
  const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

  test('refuses uploads as such, keeps the old object and serves on', async () => {
    const failures: unknown[] = [];
    server = await startEmbeddedServer({ dataDir: directory, onFailure: (error) => failures.push(error) });
    await createS3Client(server).send(new CreateBucketCommand({ Bucket }));
    const store = createObjectStorage(server)(Bucket);
    await store.put('kept', 'old');
    const handle = await open(join(directory, 'probe'), 'w');
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const writev = vi.spyOn(prototype, 'writev').mockRejectedValue(full());

    const url = `${server.endpoint}/${Bucket}/kept`;
    const answer = await fetch(url, { method: 'PUT', body: Buffer.alloc(8 * 1024 ** 2) });
    const text = await answer.text();
    writev.mockRestore();

    expect([answer.status, text]).toEqual([507, expect.stringContaining('<Code>InsufficientStorage</Code>')]);
    expect(text).toContain(`The disk of ${directory} is full.`);
    expect(failures).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
    expect(Buffer.from((await store.get('kept')).body).toString()).toBe('old');
    await store.put('kept', 'new');
    // Replaced files are removed later.
    await expect.poll(() => bodies().length).toBe(1);
  });

  test('is named when the server cannot start', async () => {
    const handle = await open(join(directory, 'probe'), 'w');
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const write = vi.spyOn(prototype, 'write').mockRejectedValue(full());

    const starting = startEmbeddedServer({ dataDir: directory });
    await expect(starting).rejects.toMatchObject({ code: 'STORAGE', message: expect.stringContaining('full') });

    write.mockRestore();
    await start();
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { names, topologyOf } from '../../lib/federation/topology.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { deploy } from '../../local/deploy/deploy.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../local/emulator/server.ts';
import { runCommand } from '../testing.ts';
import { checkFederationBucket, checkSiteBucket } from './buckets.ts';
import { checkClock, checkEndpoint, checkIdentity } from './endpoint.ts';
import { findingsText, worst } from './finding.ts';
import { checkBackend, checkDisk, checkGpu, checkMemory, checkNode } from './machine.ts';
import { checkQueue, queuesOf } from './queues.ts';

const NOW = new Date('2026-03-02T08:00:00Z');
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const PROBE = { name: 'native', device: 'cpu', description: 'native', milliseconds: 150 } as const;
const ANSWER = { isS3: true, isSqs: true, date: NOW, milliseconds: 3 };
const IDENTITY = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', expiresAt: undefined, region: 'eu-central-1' };

describe('each check', () => {
  test.each([
    ['a new Node', checkNode('22.1.0'), 'ok'],
    ['an old Node', checkNode('20.18.3'), 'failed'],
    ['little memory', checkMemory(2e9), 'warning'],
    ['a full disk', checkDisk('disk of data', '/', 1e6, 1e9), 'failed'],
    ['no GPU', checkGpu(undefined, PROBE), 'skipped'],
    ['a GPU that is not used', checkGpu(['NVIDIA L4'], PROBE), 'warning'],
    ['a GPU that is used', checkGpu(['NVIDIA L4'], { ...PROBE, device: 'gpu' }), 'ok'],
    ['a fast backend', checkBackend(PROBE), 'ok'],
    ['a slow backend', checkBackend({ ...PROBE, milliseconds: 20_000 }), 'warning'],
    ['WebAssembly', checkBackend({ ...PROBE, name: 'wasm' }), 'warning'],
    ['S3 without SQS', checkEndpoint('http://s3', { ...ANSWER, isSqs: false }, true), 'warning'],
    ['no S3', checkEndpoint('http://web', { ...ANSWER, isS3: false }, true), 'failed'],
    ['a right clock', checkClock(later(-2), NOW, 1_500), 'ok'],
    ['a fast clock', checkClock(later(-300), NOW, 3), 'warning'],
    ['a slow clock', checkClock(later(1_000), NOW, 3), 'failed'],
    ['no clock', checkClock(undefined, NOW, 3), 'warning'],
    ['credentials', checkIdentity(IDENTITY, NOW), 'ok'],
    ['expired credentials', checkIdentity({ ...IDENTITY, expiresAt: later(-1) }, NOW), 'failed'],
  ])('%s', (_, finding, status) => {
    expect(finding.status).toBe(status);
    expect(finding.cure !== undefined).toBe(status === 'warning' || status === 'failed');
  });

  test('names no whole access key', () => {
    expect(checkIdentity(IDENTITY, NOW).found).not.toContain(IDENTITY.accessKeyId);
  });
});

describe('on a server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fedcardio-doctor-'));
  let server: EmbeddedServer;

  beforeAll(async () => {
    server = await startEmbeddedServer({ dataDir: directory });
    const sites = [{ id: 'berlin', name: 'Berlin' }];
    await deploy(server.endpoint, topologyOf({ schema: 'fedcardio.federation/1', id: 'heart', sites }));
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });

  test('buckets can be used, and nothing is left in them', async () => {
    const { federationStore, siteStore } = storesOf(createObjectStorage(server), 'heart');

    const findings = [
      await checkFederationBucket(federationStore),
      await checkSiteBucket('berlin', siteStore('berlin')),
    ];

    expect(findings.map(({ status }) => status)).toEqual(['ok', 'ok']);
    for (const store of [federationStore, siteStore('berlin')]) {
      const keys: string[] = [];
      for await (const { key } of store.list('' as never)) keys.push(key);
      expect(keys).toEqual([]);
    }
  });

  test('a role that may not write is a warning, a missing bucket a failure', async () => {
    const store = storesOf(createObjectStorage(server), 'heart').federationStore;
    const denied = { ...store, put: () => Promise.reject(new Error('AccessDenied')) };

    expect(await checkFederationBucket(denied)).toMatchObject({ status: 'warning' });
    expect(await checkFederationBucket(storesOf(createObjectStorage(server), 'nope').federationStore)).toMatchObject({
      status: 'failed',
      cure: expect.stringContaining('Check the ids'),
    });
  });

  test('dead letters are a warning, a missing queue a failure', async () => {
    const queues = createQueues(server);
    const [queue = ''] = queuesOf('heart', []);
    expect(await checkQueue(queues, queue)).toMatchObject({ status: 'ok' });
    await queues.send(names.deadLetterQueue(queue), '{}');

    expect(await checkQueue(queues, queue)).toMatchObject({
      status: 'warning',
      found: expect.stringMatching(/waiting, 0 in work, 1 dead letters$/),
    });
    expect(await checkQueue(queues, 'no-such-queue')).toMatchObject({ status: 'failed' });
    expect(queuesOf('heart', ['berlin'])).toContain('heart-berlin-intake');
    expect(queuesOf('heart', [])).toEqual(['heart-orchestrate', 'heart-aggregate']);
  });

  test('the command prints findings as JSON, and exits with 1 if something failed', async () => {
    const good = await runCommand([
      'doctor',
      '--endpoint',
      server.endpoint,
      '--federation',
      'heart',
      '--site',
      'berlin',
      '--json',
    ]);
    const { schema, findings } = JSON.parse(good.stdout);
    expect(schema).toBe('fedcardio.doctor/1');
    expect(findings.map(({ check }: { check: string }) => check)).toEqual(
      expect.arrayContaining([
        'Node',
        'tensor backend',
        'endpoint',
        'clock',
        'credentials',
        'bucket of berlin',
        'queue heart-aggregate',
      ]),
    );
    const bad = await runCommand(['doctor', '--endpoint', server.endpoint, '--federation', 'nope']);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/✗ federation bucket .*\n +→ Check the ids/);
  });
});

test('the text has a line for each finding, and its cure', () => {
  const findings = [checkNode('20.18.0'), checkBackend(PROBE)];

  expect(worst(findings)).toBe('failed');
  expect(findingsText(findings)).toMatch(
    /✗ Node .*\n +→ Install Node[\s\S]*1 ok, 0 to look at, 1 failed, 0 not checked\.$/,
  );
});

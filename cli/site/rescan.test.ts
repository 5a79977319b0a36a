import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test, vi } from 'vitest';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { names } from '../../lib/federation/topology.ts';
import { image, PNG } from '../../lib/intake/testing.ts';
import { readSentLog } from '../../lib/storage/sent-log.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { startEmbeddedServer } from '../../local/emulator/server.ts';
import { useServer } from '../../local/emulator/testing.ts';
import { runCommand } from '../testing.ts';
import { rescanText } from './rescan.ts';

const { endpoint } = useServer();

beforeAll(async () => {
  const s3 = createS3Client({ endpoint: endpoint() });
  for (const Bucket of [names.siteBucket('heart', 'berlin'), names.federationBucket('heart')]) {
    await s3.send(new CreateBucketCommand({ Bucket }));
  }
  s3.destroy();
});

test('site rescan catalogs what intake has missed, and tells what it did', async () => {
  const { siteStore } = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart');
  const store = siteStore('berlin');
  await store.put(siteKeys.image('training', 'p1'), image());
  await store.put(siteKeys.image('training', 'p2'), PNG);
  const rescan = (...more: readonly string[]) =>
    runCommand(['site', 'rescan', 'berlin', '--federation', 'heart', '--endpoint', endpoint(), ...more]);

  const first = await rescan();
  const second = await rescan('--json');

  expect(first).toMatchObject({ code: 0, stdout: 'berlin: 2 cases listed, 2 examined, 2 repaired, 0 failed.\n' });
  expect(first.stderr).toMatch(/^[12]\/2 p1: accepted$/m);
  expect(first.stderr).toMatch(/^[12]\/2 p2: rejected: It is a PNG picture/m);
  expect(await store.head(siteKeys.catalog('p1'))).toBeDefined();
  expect(second).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(second.stdout)).toEqual({
    schema: 'fedcardio.rescan/1',
    site: 'berlin',
    ...{ listed: 2, examined: 0, repaired: [], failed: [], uncounted: [], erased: 0, remaining: 0 },
  });
});

test('site rescan finds the bucket of an on-premises site at its own endpoint, and records what it sends', async () => {
  const { siteStore } = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart');
  const folder = mkdtempSync(join(tmpdir(), 'fedcardio-rescan-'));
  const coordinator = await startEmbeddedServer({ dataDir: folder });
  const s3 = createS3Client({ endpoint: coordinator.endpoint });
  await s3.send(new CreateBucketCommand({ Bucket: names.federationBucket('heart') }));
  await siteStore('berlin').put(siteKeys.image('training', 'p7'), PNG);
  vi.stubEnv('FEDCARDIO_SITE_ENDPOINT', endpoint());

  const rescan = ['site', 'rescan', 'berlin', '--federation', 'heart', '--endpoint', coordinator.endpoint];
  const unrecorded = await runCommand(rescan);
  vi.stubEnv('FEDCARDIO_SENT_LOG', join(folder, 'sent.jsonl'));
  const found = await runCommand(rescan);

  expect(unrecorded).toMatchObject({ code: 1, stderr: expect.stringContaining('Set FEDCARDIO_SENT_LOG') });
  expect(readSentLog(join(folder, 'sent.jsonl'))).toMatchObject([
    { key: federationKeys.summary('berlin'), state: 'stored' },
  ]);
  const { federationStore } = storesOf(createObjectStorage({ endpoint: coordinator.endpoint }), 'heart');
  expect(unrecorded.stderr + found.stderr).toContain('p7: rejected');
  expect(await federationStore.head(federationKeys.summary('berlin'))).toBeDefined();
  vi.unstubAllEnvs();
  s3.destroy();
  await coordinator.close();
  rmSync(folder, { recursive: true });
});

test('site rescan fails with a hint for a site that does not exist', async () => {
  const { code, stderr } = await runCommand([
    'site',
    'rescan',
    'bonn',
    '--federation',
    'heart',
    '--endpoint',
    endpoint(),
  ]);

  expect(code).toBe(1);
  expect(stderr).toContain('Federation "heart" has no site "bonn".');
});

test('names the cases that could not be examined', () => {
  const failed = [{ subject: 'p1\u001b[2J', reason: 'connection reset' }];

  const text = rescanText('berlin', {
    listed: 1,
    examined: 1,
    repaired: [],
    failed,
    uncounted: [],
    erased: 0,
    remaining: 0,
  });

  expect(text).toMatch(/1 case listed, 1 examined, 0 repaired, 1 failed\.\np1.*: connection reset$/);
  expect(text).not.toContain('\u001b');
});

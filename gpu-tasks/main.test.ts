import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createS3Client } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { caseReference } from '../lib/federation/cloud-logs.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { programProcess } from '../lib/program.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../local/emulator/server.ts';
import { openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';

const { file, execArgv } = programProcess('gpu-tasks/main.ts');

let directory: string;
let server: EmbeddedServer;
let storage: Stores;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-task-'));
  server = await startEmbeddedServer({ dataDir: directory });
  storage = stores(createObjectStorage({ endpoint: server.endpoint }));
  const s3 = createS3Client(server);
  for (const { bucket } of [storage.siteStore(SITE), storage.federationStore]) {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  }
  s3.destroy();
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

/** Runs the container's command. Returns its exit code and standard error; `onError` is called as the latter grows. */
function main(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  onError: (errors: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
) {
  const child = spawn(process.execPath, [...execArgv, file, ...args], {
    env: { ...process.env, FEDCARDIO_ENDPOINT: server.endpoint, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new Promise<{ code: number | null; errors: string }>((resolve, reject) => {
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
      onError(errors, (signal) => child.kill(signal));
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, errors }));
  });
}

/** A round of the one plan that all tests share. */
const openTeacher = (round: number, site?: string) =>
  openRound(storage, 'teacher', round, null, {
    training: { steps: 16, checkpointSeconds: 0.01 },
    rounds: 4,
    ...(site !== undefined && { site }),
  });

describe("the container's command", () => {
  test('runs the GPU task of its message once, and exits with 0', async () => {
    await uploadCase(storage, 'training', 'p1', true);
    const message = JSON.stringify(await openTeacher(1));

    const first = await main([message]);
    expect(first.errors).toMatch(/\n16\/16 -?\d\.\d{4}\ndone\n/);
    expect(first.code).toBe(0);

    const again = await main([], { FEDCARDIO_TASK: message });
    expect(again.errors).toMatch(/\nalready\n/);
    expect(again.code).toBe(0);
  });

  test('names no case in its log, which leaves the site', async () => {
    const site = 'ulm';
    const s3 = createS3Client(server);
    await s3.send(new CreateBucketCommand({ Bucket: storage.siteStore(site).bucket }));
    s3.destroy();
    for (const id of ['patient-4711', 'patient-4712']) await uploadCase(storage, 'training', id, true, site);
    await storage.siteStore(site).put(siteKeys.image('training', 'patient-4711'), 'replaced');
    const message = JSON.stringify(await openTeacher(1, site));

    const { code, errors } = await main([message]);

    expect(code).toBe(0);
    expect(errors).toContain(`"case":"${caseReference('patient-4711')}"`);
    expect(errors).not.toContain('patient-');
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)(
    'publishes the same bytes in its next run after %s',
    async (signal, expected) => {
      await uploadCase(storage, 'training', 'p1', true);
      // No other test answers these rounds.
      const message = await openTeacher(signal === 'SIGTERM' ? 2 : 3);
      const run = (onError?: Parameters<typeof main>[2]) =>
        main([JSON.stringify(message)], { TF_NUM_INTRAOP_THREADS: '1' }, onError);
      const sha256 = async () => {
        const update = await updateOf(storage, message);
        return update.status === 'ok' ? update.weights?.sha256 : undefined;
      };
      expect((await run()).code).toBe(0);
      const uninterrupted = await sha256();
      for await (const { key } of storage.federationStore.list(federationKeys.siteUpdates(message, message.site))) {
        await storage.federationStore.delete(key);
      }

      const first = await run((errors, kill) => /^6\/16 /m.test(errors) && kill(signal));
      expect(first.errors).not.toMatch(/^16\/16 /m);
      expect(first.code).toBe(expected);
      const second = await run();

      expect(second.errors).toMatch(/"event":"resumed".*"step":\d+/);
      expect(second.errors).not.toMatch(/^[1-3]\/16 /m);
      expect(second.code).toBe(0);
      expect(await sha256()).toBe(uninterrupted);
    },
    60_000,
  );

  test('exits at once on SIGTERM before training', async () => {
    const message = JSON.stringify(await openTeacher(1));
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;

    const { code } = await main([message], { FEDCARDIO_ENDPOINT: endpoint }, (errors, kill) => {
      if (/thread|CUDA/.test(errors)) kill('SIGTERM');
    });

    silent.close();
    expect(code).toBe(143);
  });

  test('answers a message of a newer release, and exits with 0', async () => {
    const message = { ...(await openTeacher(4)), schema: 'fedcardio.task/3' };

    const { code, errors } = await main([JSON.stringify(message)]);

    expect(errors).toContain('written by a newer release (fedcardio.task/3;');
    expect(code).toBe(0);
    expect(await updateOf(storage, { ...message, schema: 'fedcardio.task/1' })).toMatchObject({
      code: 'NEWER_SCHEMA',
      reason: expect.stringContaining(`Upgrade the deployment of site ${SITE}.`),
    });
  });

  test('exits with 1 if a retry may help', async () => {
    // The teacher's model does not exist yet.
    const message = await openRound(storage, 'label', 1);
    const { code, errors } = await main([JSON.stringify(message)]);
    expect(errors).toContain('There is no s3://');
    expect(code).toBe(1);
  });

  test.each([
    ['no message', []],
    ['a message that is not JSON', ['{"schema": ']],
    ['a message of another schema', ['{"schema": "fedcardio.open/1"}']],
    ['a newer message for no round', ['{"schema": "fedcardio.task/2"}']],
  ])('exits with 2 because no retry helps: %s', async (_what, args) => {
    const { code, errors } = await main(args);
    expect(errors).toContain('usage: ');
    expect(code).toBe(2);
  });
});

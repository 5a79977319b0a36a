import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Federation } from '../lib/federation/schemas.ts';
import { gpuTaskMessage } from '../lib/federation/testing.ts';
import { names } from '../lib/federation/topology.ts';
import { canonicalJson } from '../lib/json.ts';
import { storeConsent } from '../lib/protocol/testing.ts';
import { gpuTaskEnvironment, partOf } from './part.ts';
import { type Platform, startPlatform } from './platform.ts';
import type { RunnerEvent } from './queue-runner.ts';

const principal = 'arn:aws:iam::111122223333:role/kiel';
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: [
    { id: 'bonn', name: 'Bonn' },
    { id: 'kiel', name: 'Kiel', place: 'on-premises', principal },
  ],
};
const machine = { site: 'kiel', federation: { endpoint: 'http://coordinator', region: 'eu-west-1' }, sentLog: '/sent' };
const queuesOf = ({ queues }: ReturnType<typeof partOf>) => queues.map(({ name }) => name);

test('the coordinator leaves the GPU tasks of an on-premises site to its machine', () => {
  const part = partOf({ federation: FEDERATION }, 'http://here', true);

  expect(queuesOf(part)).toEqual(['heart-bonn-intake', 'heart-bonn-tasks', 'heart-orchestrate', 'heart-aggregate']);
  expect(part.own.sites.map(({ id }) => id)).toEqual(['bonn']);
  expect(gpuTaskEnvironment(part, undefined)).toEqual({ FEDCARDIO_ENDPOINT: 'http://here' });
});

test.each([
  [true, ['heart-kiel-intake', 'heart-kiel-tasks']],
  [false, ['heart-kiel-tasks']],
])('a machine has its own site alone, with object events: %s', (hasEvents, queues) => {
  const part = partOf({ federation: FEDERATION, machine }, 'http://here', hasEvents);

  expect(queuesOf(part)).toEqual(queues);
  expect(part.topology.buckets.map(({ name }) => name)).toEqual(['heart-site-kiel']);
  expect(part.own.sites.map(({ id }) => id)).toEqual(['kiel']);
  expect(gpuTaskEnvironment(part, machine)).toEqual({
    FEDCARDIO_ENDPOINT: 'http://coordinator',
    FEDCARDIO_SITE_ENDPOINT: 'http://here',
    FEDCARDIO_SITE_ACCESS_KEY_ID: 'local',
    FEDCARDIO_SITE_SECRET_ACCESS_KEY: 'local',
    FEDCARDIO_SENT_LOG: '/sent',
    AWS_REGION: 'eu-west-1',
  });
});

let folder: string;
let running: Platform[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-part-'));
  running = [];
});
afterEach(async () => {
  for (const platform of running.reverse()) await platform.close();
  rmSync(folder, { recursive: true });
});

test('a machine starts no GPU task that is for another site', async () => {
  const started: string[] = [];
  const failed: RunnerEvent[] = [];
  const gpuTasks = () => ({
    submit: async ({ site }: { readonly site: string }) => {
      started.push(site);
    },
  });
  const cloud = await startPlatform({ federation: FEDERATION, server: { dataDir: join(folder, 'cloud') }, gpuTasks });
  running.push(cloud);
  const own = await startPlatform({
    federation: FEDERATION,
    machine: { ...machine, federation: { endpoint: cloud.endpoint }, sentLog: join(folder, 'sent.jsonl') },
    server: { dataDir: join(folder, 'kiel') },
    gpuTasks,
    onRunnerEvent: (event) => event.type === 'handled' && event.failed > 0 && failed.push(event),
  });
  running.push(own);
  await storeConsent(own.context, { site: 'kiel' });
  const send = (site: string) =>
    cloud.context.queues.send(
      names.gpuTaskQueue('heart', 'kiel'),
      canonicalJson({ ...gpuTaskMessage({ site }), federation: 'heart', at: new Date().toISOString() }),
    );

  await send('bonn');
  await expect.poll(() => failed.length, { timeout: 20_000 }).toBeGreaterThan(0);
  await send('kiel');

  await expect.poll(() => started, { timeout: 20_000 }).toEqual(['kiel']);
});

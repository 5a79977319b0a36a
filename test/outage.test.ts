import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { federationKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, commitSchema, type Federation, outcomeSchema } from '../lib/federation/schemas.ts';
import { readJson, tryReadJson } from '../lib/storage/documents.ts';
import type { OutageEvent } from '../lib/storage/outages.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../local/emulator/server.ts';
import { type Platform, startPlatform } from '../local/platform.ts';
import type { LauncherEvent } from '../local/process-launcher.ts';
import { student, training, uploadToyCase } from './helpers/campaign.ts';

const TASK = 'hinge-points';
const SITES = ['bonn', 'kiel'];
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'tavi',
  sites: SITES.map((id) => ({ id, name: id })),
};
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 5,
  stages: [
    { ...student('student', [TASK], 2), training: { ...training, steps: 4 } } as CampaignInput['stages'][number],
  ],
};
/** Longer than all attempts of a GPU task took when each failed at once: 3.4 s. */
const AWAY_MS = 4000;

let directory: string;
let server: EmbeddedServer;
let platform: Platform;
let outages: OutageEvent[];
let failures: string[];
let onGpuTask: (event: LauncherEvent) => void;

/** Starts handlers and GPU tasks on the server. */
async function start(): Promise<void> {
  platform = await startPlatform({
    federation: FEDERATION,
    server: { endpoint: server.endpoint },
    gpuTasks: {
      maxGpuTasks: 2,
      // With one thread, the order of float additions and so every weight is the same in every run.
      env: { TF_NUM_INTRAOP_THREADS: '1' },
      onEvent: (event) => {
        if (event.type === 'failed') failures.push(event.reason);
        onGpuTask(event);
      },
    },
    // Events that the server had not yet sent when it was closed are lost.
    sweep: { everySeconds: 1 },
    retrySeconds: 1,
    onOutage: (event) => outages.push(event),
  });
}

/** Uploads the cases and the campaign. */
async function begin(): Promise<void> {
  server = await startEmbeddedServer({ dataDir: directory, onFailure: () => undefined });
  await start();
  for (const [seed, site] of SITES.entries()) {
    const item = { site, id: 'p1', use: 'training', labels: [TASK] } as const;
    await uploadToyCase(platform.context.siteStore(site), item, seed);
  }
  await platform.idle();
  await platform.context.federationStore.put(federationKeys.campaign(CAMPAIGN.id), JSON.stringify(CAMPAIGN));
}

/** Waits for the end of the campaign. Returns its status and the hashes of its models. */
async function finish() {
  const { federationStore } = platform.context;
  const outcome = federationKeys.outcome(CAMPAIGN.id);
  while (!(await federationStore.head(outcome))) await sleep(50);
  const { status } = (await readJson(federationStore, outcome, outcomeSchema)).value;
  const models = [1, 2].map(async (round) => {
    const key = federationKeys.commit({ campaign: CAMPAIGN.id, stage: 'student', round });
    return (await tryReadJson(federationStore, key, commitSchema))?.value.global?.sha256;
  });
  return { status, models: await Promise.all(models) };
}

async function takeServerAway(): Promise<void> {
  const { port } = server;
  await server.close();
  await sleep(AWAY_MS);
  server = await startEmbeddedServer({ port, dataDir: directory, onFailure: () => undefined });
}
const setFaults = (rules: readonly object[]) =>
  fetch(`${server.endpoint}/_fedcardio/faults`, { method: 'PUT', body: JSON.stringify({ rules }) });
const fillDisk = () => setFaults([{ fault: 'disk-full', operations: ['PutObject'] }]);
const freeDisk = () => setFaults([]);

/** Resolves at the first event of a GPU task that `matches`. */
const gpuTask = (matches: (event: LauncherEvent) => boolean) =>
  new Promise<void>((resolve) => {
    onGpuTask = (event) => matches(event) && resolve();
  });
const isFull = () =>
  expect.poll(() => outages.some(({ code }) => code === 'STORAGE_FULL'), { timeout: 60_000 }).toBe(true);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-outage-'));
  outages = [];
  failures = [];
  onGpuTask = () => undefined;
});
afterEach(async () => {
  await platform.close();
  await server.close();
  await rm(directory, { recursive: true });
});

describe('a campaign during outages of its storage', () => {
  let expected: Awaited<ReturnType<typeof finish>>;

  test('has these models without an outage', async () => {
    await begin();
    expected = await finish();
    expect(expected).toMatchObject({ status: 'completed', models: [expect.any(String), expect.any(String)] });
    expect(outages).toEqual([]);
  }, 120_000);

  test('ends with the same models if the storage goes away while sites train, publish and merge', async () => {
    const moments: readonly ((event: LauncherEvent) => boolean)[] = [
      (event) => event.type === 'progress',
      (event) => event.type === 'done',
      (event) => event.type === 'started' && event.message.round === 2,
    ];
    let next = gpuTask(moments[0]!);
    await begin();
    for (const index of moments.keys()) {
      await next;
      const later = moments[index + 1];
      if (later) next = gpuTask(later);
      await takeServerAway();
    }

    expect(await finish()).toEqual(expected);
    expect(failures).toEqual([]);
    expect(outages.map(({ code }) => code)).toContain('STORAGE_UNAVAILABLE');
  }, 180_000);

  test('ends with the same models after its disk was full', async () => {
    const training = gpuTask((event) => event.type === 'progress');
    await begin();
    await training;
    await fillDisk();
    await isFull();
    await freeDisk();

    expect(await finish()).toEqual(expected);
    expect(failures).toEqual([]);
    expect(outages.at(-1)?.type).toBe('over');
  }, 120_000);

  test('ends with the same models if it is stopped while its disk is full, and started again', async () => {
    const training = gpuTask((event) => event.type === 'progress');
    await begin();
    await training;
    await fillDisk();
    await isFull();
    await platform.close();
    await freeDisk();
    await start();

    expect(await finish()).toEqual(expected);
    expect(failures).toEqual([]);
  }, 120_000);
});

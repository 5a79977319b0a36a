import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { createQueues } from '../lib/aws/queues.ts';
import { type FakeBatch, startFakeBatch } from '../lib/aws/testing-batch.ts';
import { FUNCTION_NAMES, type FunctionName } from '../lib/federation/functions.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { METRICS } from '../lib/federation/metrics.ts';
import {
  type CampaignInput,
  commitSchema,
  type Federation,
  type GpuTaskMessage,
  gpuTaskMessageSchema,
  outcomeSchema,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { names, topologyOf } from '../lib/federation/topology.ts';
import { agreeToAll } from '../lib/protocol/consent/at-site.ts';
import { readJson } from '../lib/storage/documents.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { deploy } from '../local/deploy/deploy.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../local/emulator/server.ts';
import { uploadToyCase } from './helpers/campaign.ts';
import { startFunction } from './helpers/deployed-function.ts';
import { QUORUM } from './protocol/simulated-campaign.ts';
import { answerGpuTask } from './protocol/simulated-site.ts';

const SITES = ['berlin', 'munich'];
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: SITES.map((id) => ({ id, name: id })),
};
const BUCKET = names.federationBucket('heart');
const AT = { campaign: 'tavi', stage: 'teacher', round: 1 };
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: 'hinge-points',
      rounds: 1,
      model: { kind: 'unet', features: [4, 8] },
      training: { steps: 1, learningRate: 0.001 },
      quorum: { ...QUORUM, minFraction: 0.5 },
    },
  ],
};

let folder: string;
let server: EmbeddedServer;
let batch: FakeBatch;
const started: Awaited<ReturnType<typeof startFunction>>[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedcardio-functions-'));
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url)), folder]);
  server = await startEmbeddedServer({ dataDir: join(folder, 'data') });
  batch = await startFakeBatch();
  await deploy(server.endpoint, topologyOf(FEDERATION));
  const { siteStore } = storesOf(createObjectStorage({ endpoint: server.endpoint }), 'heart');
  for (const site of SITES) await agreeToAll(siteStore(site), site, new Date());
});
afterAll(async () => {
  await Promise.all(started.map(({ stop }) => stop()));
  await batch.close();
  await server.close();
  await rm(folder, { recursive: true });
});

async function start(name: FunctionName, env: Readonly<Record<string, string>> = {}) {
  const own = { FEDCARDIO_ENDPOINT: server.endpoint, AWS_ENDPOINT_URL_BATCH: batch.endpoint, ...env };
  const lambda = await startFunction(folder, name, own);
  started.push(lambda);
  return lambda;
}

/** A site's function knows its own site only. */
const startOfSite = (name: FunctionName, site: string, env: Readonly<Record<string, string>> = {}) =>
  start(name, {
    FEDCARDIO_FEDERATION: JSON.stringify({ ...FEDERATION, sites: [{ id: site, name: site }] }),
    FEDCARDIO_SITE: site,
    FEDCARDIO_JOB_QUEUE: `arn:aws:batch:eu-central-1:123456789012:job-queue/heart-${site}`,
    FEDCARDIO_JOB_DEFINITION: `arn:aws:batch:eu-central-1:123456789012:job-definition/heart-${site}`,
    ...env,
  });

/** The coordinator's functions read the federation from a file in their bundle. */
async function startOfFederation(name: FunctionName, env: Readonly<Record<string, string>> = {}) {
  await writeFile(join(folder, 'handlers', name, 'federation.json'), JSON.stringify(FEDERATION));
  return start(name, { FEDCARDIO_FEDERATION: 'file:federation.json', ...env });
}

/** What X-Ray's daemon receives on this machine. */
async function startTraces() {
  const daemon = createSocket('udp4');
  const segments: string[] = [];
  daemon.on('message', (message) => segments.push(message.toString()));
  daemon.bind(0, '127.0.0.1');
  await once(daemon, 'listening');
  return {
    environment: {
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      LAMBDA_TASK_ROOT: '/var/task',
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${(daemon.address() as AddressInfo).port}`,
      _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
    },
    /** Stops the function, and returns all segments. */
    async after(lambda: (typeof started)[number]): Promise<string> {
      await lambda.stop();
      started.splice(started.indexOf(lambda), 1);
      daemon.close();
      return segments.join('\n');
    },
  };
}

const sqs = (...bodies: readonly unknown[]) => ({
  Records: bodies.map((body, i) => ({
    messageId: `m${i}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: { ApproximateReceiveCount: '1' },
  })),
});
const created = (bucket: string, key: string) => ({
  Records: [
    {
      eventVersion: '2.1',
      eventName: 'ObjectCreated:Put',
      eventTime: new Date().toISOString(),
      s3: { bucket: { name: bucket }, object: { key } },
    },
  ],
});
const allWell = { result: { batchItemFailures: [] } };

describe('the bundles', () => {
  test('exist for each function and have at most 1.1 MB', async () => {
    expect((await readdir(join(folder, 'handlers'))).sort()).toEqual([...FUNCTION_NAMES].sort());
    for (const name of FUNCTION_NAMES) {
      const { size } = await stat(join(folder, 'handlers', name, 'index.mjs'));
      expect(size, name).toBeLessThan(1_100_000);
    }
  });

  test.each([
    ['lacks its federation', {}, 'lacks FEDCARDIO_FEDERATION'],
    ['has an invalid federation', { FEDCARDIO_FEDERATION: '{"id": 7}' }, 'FEDCARDIO_FEDERATION: '],
    ['names a missing federation file', { FEDCARDIO_FEDERATION: 'file:none.json' }, 'none.json'],
    [
      'names an unknown site',
      { FEDCARDIO_FEDERATION: JSON.stringify(FEDERATION), FEDCARDIO_SITE: 'ulm' },
      'FEDCARDIO_SITE is "ulm"',
    ],
  ])('report an environment that %s', async (_, env, reason) => {
    const lambda = await start('intake', env);
    expect((await lambda.invoke(sqs())).error).toContain(reason);
  });
});

/** Each test continues from the state of the previous one. */
describe('a campaign on the bundles', () => {
  const stores = () => storesOf(createObjectStorage({ endpoint: server.endpoint }), 'heart');
  const queues = () => createQueues({ endpoint: server.endpoint });
  const messages = new Map<string, GpuTaskMessage>();

  test('intake catalogs uploads despite an invalid message in their batch', async () => {
    for (const site of SITES) {
      const bucket = names.siteBucket('heart', site);
      await uploadToyCase(stores().siteStore(site), { site, id: 'p1', use: 'training', labels: ['hinge-points'] }, 1);
      const lambda = await startOfSite('intake', site);
      const upload = created(bucket, siteKeys.image('training', 'p1'));

      expect(await lambda.invoke(sqs('not JSON', upload))).toEqual({
        result: { batchItemFailures: [{ itemIdentifier: 'm0' }] },
      });

      expect(await stores().siteStore(site).head(siteKeys.catalog('p1'))).toBeDefined();
      expect(await stores().federationStore.head(federationKeys.summary(site))).toBeDefined();
      expect(lambda.log().map(({ level, message, site, federation }) => [level, message, site, federation])).toEqual([
        ['ERROR', 'record-failed', site, 'heart'],
        ['INFO', 'case-examined', site, 'heart'],
      ]);
      expect(lambda.log()[0]).toMatchObject({ service: 'intake', function_request_id: expect.any(String) });
      // No metric of cold starts: each rescan is one, and CloudWatch would bill the metric every month.
      expect(lambda.metrics()).toEqual({
        [METRICS.recordsFailed]: 1,
        [METRICS.casesExamined]: 1,
      });
    }
  });

  test('intake of one site does not touch another', async () => {
    const lambda = await startOfSite('intake', 'berlin');
    const stranger = created(names.siteBucket('heart', 'munich'), siteKeys.image('training', 'p1'));
    expect(await lambda.invoke(sqs(stranger))).toEqual({ result: { batchItemFailures: [{ itemIdentifier: 'm0' }] } });
  });

  test('orchestrate opens the round and sends its GPU tasks', async () => {
    await stores().federationStore.put(federationKeys.campaign('tavi'), JSON.stringify(CAMPAIGN));
    const lambda = await startOfFederation('orchestrate');

    expect(await lambda.invoke(sqs(created(BUCKET, federationKeys.campaign('tavi'))))).toEqual(allWell);

    for (const site of SITES) {
      const [message] = await queues().receive(names.gpuTaskQueue('heart', site), { max: 10, waitSeconds: 5 });
      messages.set(site, gpuTaskMessageSchema.parse(JSON.parse(message?.body ?? 'null')));
    }
    expect([...messages.keys()]).toEqual(SITES);
    expect(lambda.log()).toContainEqual(expect.objectContaining({ message: 'tasks-sent', ...AT }));
  });

  test('dispatch starts one Batch job for each GPU task', async () => {
    for (const site of SITES) {
      const lambda = await startOfSite('dispatch', site);
      for (let times = 0; times < 2; times++) {
        expect(await lambda.invoke(sqs(messages.get(site)))).toEqual(allWell);
      }
      expect(
        lambda.log().map(({ message, kind, ...at }) => [message, kind, at.campaign, at.stage, at.round, at.site]),
      ).toEqual([
        ['task-launched', 'started', 'tavi', 'teacher', 1, site],
        ['task-launched', 'running', 'tavi', 'teacher', 1, site],
      ]);
    }
    expect(batch.jobs.map(({ jobName, request }) => [jobName, request.jobQueue])).toEqual(
      [...SITES]
        .reverse()
        .map((site) => [
          `tavi_teacher_0001_${site}`,
          `arn:aws:batch:eu-central-1:123456789012:job-queue/heart-${site}`,
        ]),
    );
  });

  test('job-failed answers for the site of a failed job', async () => {
    const event = JSON.parse(await readFile(new URL('../docs/events/batch-job-failed.json', import.meta.url), 'utf8'));
    event.detail.container.environment = [{ name: 'FEDCARDIO_TASK', value: JSON.stringify(messages.get('munich')) }];
    const lambda = await startOfSite('job-failed', 'munich');

    expect(await lambda.invoke(event)).toEqual({ result: null });
    expect(await lambda.invoke(event)).toEqual({ result: null });

    const key = federationKeys.update(AT, 'munich', 'failed');
    const { value } = await readJson(stores().federationStore, key, updateSchema);
    expect(value).toMatchObject({ status: 'failed', code: 'JOB_FAILED' });
    expect(lambda.metrics()[METRICS.tasksFailed]).toBe(1);
    expect((await lambda.invoke({ ...event, source: 'aws.ec2' })).error).toContain('source');
    expect(lambda.log().at(-1)).toMatchObject({ level: 'ERROR', message: 'invocation-failed', site: 'munich' });
  });

  test('aggregate submits one job for a round that is too large', async () => {
    const context = { ...stores(), federation: FEDERATION, now: () => new Date(), log: () => undefined };
    await answerGpuTask(
      context,
      { id: 'berlin', samples: 1, behaviour: 'good' },
      messages.get('berlin') as GpuTaskMessage,
    );
    const lambda = await startOfFederation('aggregate', {
      FEDCARDIO_MERGE_JOB_QUEUE: 'merges',
      FEDCARDIO_MERGE_JOB_DEFINITION: 'merge',
      FEDCARDIO_MERGE_MAX_BYTES: '10',
    });

    const failed = created(BUCKET, federationKeys.update(AT, 'munich', 'failed'));
    for (let times = 0; times < 2; times++) expect(await lambda.invoke(sqs(failed))).toEqual(allWell);

    const merges = batch.jobs.filter(({ request }) => request.jobQueue === 'merges');
    expect(merges.map(({ jobName }) => jobName)).toEqual(['tavi_teacher_0001']);
    expect(await stores().federationStore.head(federationKeys.seal(AT))).toBeUndefined();
  });

  test('aggregate closes the round without the failed site, in a trace', async () => {
    const traces = await startTraces();
    const lambda = await startOfFederation('aggregate', traces.environment);

    const updates = ['munich', 'berlin'].map((site) => created(BUCKET, federationKeys.update(AT, site, 'failed')));
    expect(await lambda.invoke(sqs(...updates))).toEqual(allWell);

    const { value } = await readJson(stores().federationStore, federationKeys.commit(AT), commitSchema);
    expect(value.sites).toEqual(['berlin']);
    expect(lambda.log()).toContainEqual(
      expect.objectContaining({ message: 'round-committed', ...AT, federation: 'heart' }),
    );
    expect(lambda.metrics()[METRICS.roundsCommitted]).toBe(1);
    const trace = await traces.after(lambda);
    expect(trace).toContain('## aggregate');
    expect(trace).toContain('PutObject');
    expect(trace).toMatch(/"campaign":"tavi"/);
  });

  test('sweep ends a campaign whose last event was lost', async () => {
    const lambda = await startOfFederation('sweep');
    expect(await lambda.invoke({ 'detail-type': 'Scheduled Event' })).toEqual({ result: null });
    const { value } = await readJson(stores().federationStore, federationKeys.outcome('tavi'), outcomeSchema);
    expect(value.status).toBe('completed');
    expect(lambda.metrics()[METRICS.campaignsCompleted]).toBe(1);
  });
});

describe("traces and logs of a site's functions", () => {
  const CASE = 'patient-4711';
  const bucket = names.siteBucket('heart', 'berlin');
  const siteStore = () => storesOf(createObjectStorage({ endpoint: server.endpoint }), 'heart').siteStore('berlin');

  test.each<[string, FunctionName, () => unknown]>([
    ['a good case', 'intake', () => created(bucket, siteKeys.image('training', CASE))],
    ['a damaged case', 'intake', () => created(bucket, siteKeys.image('training', `${CASE}-b`))],
    ['a file outside any case', 'intake', () => created(bucket, `cases/${CASE}.nii.gz`)],
    ['all cases', 'rescan', () => ({})],
    ['all cases, of which one cannot be read', 'rescan', () => ({})],
  ])('have no name of a case when it examines %s: %s', async (what, name, eventOf) => {
    const store = siteStore();
    await uploadToyCase(store, { site: 'berlin', id: CASE, use: 'training', labels: ['hinge-points'] }, 7);
    await store.put(siteKeys.image('training', `${CASE}-b`), 'no CT');
    await store.put(siteKeys.ofEvent(`cases/${CASE}.nii.gz`), 'no CT');
    if (what.endsWith('read')) await store.put(siteKeys.examined, 'no JSON');
    const traces = await startTraces();
    const lambda = await startOfSite(name, 'berlin', traces.environment);

    const event = eventOf();
    const answer = await lambda.invoke('Records' in (event as object) ? sqs(event) : event);

    const trace = await traces.after(lambda);
    expect(trace).toContain(`## ${name}`);
    expect(trace).not.toMatch(/S3|PutObject|cases\/|catalog\//);
    for (const text of [trace, JSON.stringify(lambda.lines), JSON.stringify(answer)]) expect(text).not.toContain(CASE);
    for (const key of [siteKeys.image('training', `${CASE}-b`), siteKeys.ofEvent(`cases/${CASE}.nii.gz`)]) {
      await store.delete(key);
    }
  });
});

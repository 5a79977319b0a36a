import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEDERATION as EXAMPLE, synthesizeAll } from '../cdk/isolation/example-federation.ts';
import { createResolver, type Json } from '../cdk/isolation/resolve.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { type FakeBatch, startFakeBatch } from '../lib/aws/testing-batch.ts';
import type { FunctionName } from '../lib/federation/functions.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type Federation, outcomeSchema } from '../lib/federation/schemas.ts';
import { names, topologyOf } from '../lib/federation/topology.ts';
import { createJson } from '../lib/storage/documents.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { deploy } from '../local/deploy/deploy.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../local/emulator/server.ts';
import { uploadToyCase } from './helpers/campaign.ts';
import { startFunction } from './helpers/deployed-function.ts';

/**
 * Starts each bundle with the environment of the synthesized template, and what Lambda or Batch add to it: a variable that
 * only our own machines set would be missing on AWS. The SDK's own variables name the embedded server and a fake of Batch.
 */

const SITE = 'bonn';
const NAMED: Federation = { ...EXAMPLE, sites: EXAMPLE.sites.filter(({ id }) => id === SITE) };
/** Without an account and region, which are then the deployer's. */
const UNNAMED: Federation = { schema: EXAMPLE.schema, id: EXAMPLE.id, sites: [{ id: SITE, name: 'Bonn' }] };
const PLACE = { account: '111122223333', region: 'eu-central-1' };
const COMPUTE = { site: `heart-site-${SITE}-compute`, coordinator: 'heart-federation-compute' } as const;
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };

type Environment = Readonly<Record<string, string>>;
interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, Json>>;
}

let folder: string;
let server: EmbeddedServer;
let batch: FakeBatch;
let message: string;
let endpoints: Environment;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedcardio-environments-'));
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url)), folder]);
  // The image has the tensor packages beside the bundle.
  await symlink(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  server = await startEmbeddedServer({ dataDir: join(folder, 'data') });
  batch = await startFakeBatch();
  endpoints = { AWS_ENDPOINT_URL: server.endpoint, AWS_ENDPOINT_URL_BATCH: batch.endpoint };
  await deploy(server.endpoint, topologyOf(NAMED));
  const stores = storesOf(createObjectStorage({ endpoint: server.endpoint }), NAMED.id);
  await uploadToyCase(stores.siteStore(SITE), { site: SITE, id: 'p1', use: 'training', labels: ['hinge-points'] }, 1);
  const example = JSON.parse(await readFile(new URL('../docs/events/task.json', import.meta.url), 'utf8'));
  message = JSON.stringify({ ...example, site: SITE });
  // The campaign is over, so that there is nothing to train.
  await createJson(stores.federationStore, federationKeys.outcome(example.campaign), outcomeSchema, {
    schema: 'fedcardio.outcome/1',
    campaign: example.campaign,
    status: 'cancelled',
    reason: 'No one needs it any more.',
    at: '2026-03-02T08:00:01.000Z',
  });
});
afterAll(async () => {
  await batch.close();
  await server.close();
  await rm(folder, { recursive: true });
});

/** The resources of a stack's template, and values of it as CloudFormation would fill them in. */
function deployed(federation: Federation, name: string) {
  const template = synthesizeAll(federation).find(({ stackName }) => stackName === name)?.template;
  const { Resources } = template as { readonly Resources: Readonly<Record<string, Resource>> };
  return { resources: Object.values(Resources), ...createResolver(name, Resources, PLACE) };
}

function environmentOfFunction(stack: keyof typeof COMPUTE, functionName: string): Environment {
  const { resources, resolve } = deployed(NAMED, COMPUTE[stack]);
  const found = resources.find(({ Properties }) => Properties.FunctionName === functionName);
  const { Variables } = resolve(found?.Properties.Environment ?? null) as { readonly Variables: Environment };
  return Variables;
}

function environmentOfJobs(federation: Federation, stack: keyof typeof COMPUTE): Environment {
  const { resources, resolve } = deployed(federation, COMPUTE[stack]);
  const definition = resources.find(({ Type }) => Type === 'AWS::Batch::JobDefinition');
  const { Environment } = resolve(definition?.Properties.ContainerProperties ?? null) as {
    readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
  };
  return Object.fromEntries(Environment.map(({ Name, Value }) => [Name, Value]));
}

const sqs = (body: unknown) => ({
  Records: [{ messageId: 'm', body: typeof body === 'string' ? body : JSON.stringify(body), attributes: {} }],
});
const created = (bucket: string, key: string) =>
  sqs({
    Records: [
      {
        eventVersion: '2.1',
        eventName: 'ObjectCreated:Put',
        eventTime: new Date().toISOString(),
        s3: { bucket: { name: bucket }, object: { key } },
      },
    ],
  });
const done = { batchItemFailures: [] };
const FEDERATION_BUCKET = names.federationBucket(NAMED.id);
const jobFailed = async () => {
  const event = JSON.parse(await readFile(new URL('../docs/events/batch-job-failed.json', import.meta.url), 'utf8'));
  event.detail.container.environment = [{ name: 'FEDCARDIO_TASK', value: message }];
  return event as unknown;
};

describe('with the environment of its template', () => {
  test.each<[FunctionName, keyof typeof COMPUTE, string, () => unknown, unknown]>([
    [
      'intake',
      'site',
      `heart-${SITE}-intake`,
      () => created(`heart-site-${SITE}`, siteKeys.image('training', 'p1')),
      done,
    ],
    ['rescan', 'site', `heart-${SITE}-rescan`, () => ({}), true],
    ['dispatch', 'site', `heart-${SITE}-dispatch`, () => sqs(message), done],
    ['job-failed', 'site', `heart-${SITE}-job-failed`, jobFailed, null],
    [
      'orchestrate',
      'coordinator',
      'heart-orchestrate',
      () => created(FEDERATION_BUCKET, federationKeys.campaign('tavi-1')),
      done,
    ],
    [
      'aggregate',
      'coordinator',
      'heart-aggregate',
      () =>
        created(FEDERATION_BUCKET, federationKeys.update({ campaign: 'tavi-1', stage: 'a', round: 1 }, SITE, 'failed')),
      done,
    ],
    ['sweep', 'coordinator', 'heart-sweep', () => ({}), null],
  ])('%s does its work', async (name, stack, functionName, eventOf, result) => {
    const environment = environmentOfFunction(stack, functionName);
    await writeFile(join(folder, 'handlers', name, 'federation.json'), JSON.stringify(NAMED));
    const lambda = await startFunction(folder, name, { ...environment, ...endpoints });

    const answer = await lambda.invoke(await eventOf());

    await lambda.stop();
    expect(answer).toEqual({ result });
    // A function whose credentials, region or variables are wrong reaches nothing.
    expect(lambda.log().filter(({ level }) => level === 'ERROR')).toEqual([]);
  });

  test.each([
    ['a GPU task', 'site', () => ({ FEDCARDIO_TASK: message }), 'already'],
    [
      'a merge',
      'coordinator',
      () => ({ FEDCARDIO_MERGE: '{"campaign":"tavi-1","stage":"teacher","round":1}' }),
      'merge-ended',
    ],
  ] as const)(
    '%s does its work, also in the account and region of whoever deploys',
    async (_what, stack, submitted, said) => {
      for (const federation of [NAMED, UNNAMED]) {
        const { code, output } = await runJob({ ...environmentOfJobs(federation, stack), ...submitted() });

        expect(output).toContain(said);
        expect(code).toBe(0);
      }
    },
  );
});

/** The container's command, with what the job definition sets, what the job sets, and what Batch and ECS add. */
function runJob(environment: Environment): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [join(folder, 'gpu-tasks', 'main.mjs')], {
    env: {
      AWS_BATCH_JOB_ID: '4c7599ae-0a82-49aa-ba5a-4727fcce14a8',
      AWS_BATCH_JOB_ATTEMPT: '1',
      AWS_BATCH_JQ_NAME: `heart-${SITE}`,
      AWS_BATCH_CE_NAME: `heart-${SITE}-spot`,
      ...CREDENTIALS,
      ...environment,
      AWS_ENDPOINT_URL: server.endpoint,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

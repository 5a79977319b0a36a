import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isLike, machineAccess } from '../lib/federation/access.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, commitSchema, type Federation, outcomeSchema } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { sha256Hex } from '../lib/json.ts';
import { agreeToAll } from '../lib/protocol/consent/at-site.ts';
import { readJson } from '../lib/storage/documents.ts';
import type { OutageEvent } from '../lib/storage/outages.ts';
import { readSentLog } from '../lib/storage/sent-log.ts';
import { type Platform, startPlatform } from '../local/platform.ts';
import type { LauncherEvent } from '../local/process-launcher.ts';
import { student, training, uploadToyCase } from './helpers/campaign.ts';
import { type Carried, type Cut, type Line, openLine } from './helpers/line.ts';

const TASK = 'hinge-points';
const IN_THE_CLOUD = ['bonn', 'graz', 'ulm'];
const ON_PREMISES = ['jena', 'kiel'];
const SITES = [...IN_THE_CLOUD, ...ON_PREMISES];
/** Found in no other text. */
const caseOf = (site: string) => `patient-of-${site}`;
const principal = 'arn:aws:iam::111122223333:role/machine';
const federationOf = (isOnPremises: (site: string) => boolean): Federation => ({
  schema: 'fedcardio.federation/1',
  id: 'tavi',
  sites: SITES.map((id) => ({ id, name: id, ...(isOnPremises(id) && { place: 'on-premises', principal }) })),
});
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 5,
  stages: [
    { ...student('student', [TASK], 2), training: { ...training, steps: 3 } } as CampaignInput['stages'][number],
  ],
};
/** With one thread, the order of float additions and so every weight is the same in every run. */
const GPU_TASKS = { maxGpuTasks: 1, env: { TF_NUM_INTRAOP_THREADS: '1' } };

let directory: string;
let closing: (() => Promise<unknown>)[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-on-premises-'));
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await rm(directory, { recursive: true });
});

/** A hospital's machine, behind a line of its own. */
interface Hospital {
  readonly line: Line;
  readonly sentLog: string;
  readonly outages: OutageEvent[];
  readonly failures: string[];
  onGpuTask: (event: LauncherEvent) => void;
  platform: Platform;
  start(): Promise<void>;
}

/** Starts the coordinator, with those sites that are not on-premises. */
async function startCloud(federation: Federation): Promise<Platform> {
  const platform = await startPlatform({
    federation,
    server: { dataDir: join(directory, 'cloud'), onFailure: () => undefined },
    gpuTasks: GPU_TASKS,
    sweep: { everySeconds: 1, resendAfterSeconds: 5 },
    retrySeconds: 1,
  });
  closing.push(platform.close);
  return platform;
}

async function startHospital(federation: Federation, site: string, endpoint: string): Promise<Hospital> {
  const line = await openLine(endpoint);
  const sentLog = join(directory, `${site}.jsonl`);
  const hospital: Hospital = {
    line,
    sentLog,
    outages: [],
    failures: [],
    onGpuTask: () => undefined,
    platform: undefined as unknown as Platform,
    async start() {
      hospital.platform = await startPlatform({
        federation,
        machine: { site, federation: { endpoint: line.endpoint }, sentLog },
        server: { dataDir: join(directory, site), onFailure: () => undefined },
        gpuTasks: {
          ...GPU_TASKS,
          onEvent: (event) => {
            if (event.type === 'failed') hospital.failures.push(event.reason);
            hospital.onGpuTask(event);
          },
        },
        sweep: { everySeconds: 1 },
        retrySeconds: 1,
        onOutage: (event) => hospital.outages.push(event),
      });
    },
  };
  await hospital.start();
  const { siteStore, now } = hospital.platform.context;
  await agreeToAll(siteStore(site), site, now());
  closing.push(line.close, () => hospital.platform.close());
  return hospital;
}

/** Uploads a case at each site, waits until its counts are known, runs the campaign, and returns the hashes of its models. */
async function train(cloud: Platform, storeOf: (site: string) => Platform): Promise<readonly (string | undefined)[]> {
  const { federationStore } = cloud.context;
  for (const [seed, site] of SITES.entries()) {
    const item = { site, id: caseOf(site), use: 'training', labels: [TASK] } as const;
    await uploadToyCase(storeOf(site).context.siteStore(site), item, seed);
  }
  for (const site of SITES) while (!(await isCounted(cloud, site))) await sleep(100);
  await federationStore.put(federationKeys.campaign(CAMPAIGN.id), JSON.stringify(CAMPAIGN));
  const outcome = federationKeys.outcome(CAMPAIGN.id);
  while (!(await federationStore.head(outcome))) await sleep(50);
  expect((await readJson(federationStore, outcome, outcomeSchema)).value.status).toBe('completed');
  return Promise.all(
    [1, 2].map(async (round) => {
      const key = federationKeys.commit({ campaign: CAMPAIGN.id, stage: 'student', round });
      const { sites, global } = (await readJson(federationStore, key, commitSchema)).value;
      expect(sites).toEqual(SITES.toSorted());
      return global?.sha256;
    }),
  );
}

async function isCounted({ context: { federationStore } }: Platform, site: string): Promise<boolean> {
  const summary = await federationStore.tryGet(federationKeys.summary(site));
  return summary !== undefined && JSON.parse(Buffer.from(summary.body).toString()).labelled[TASK] === 1;
}

const BUCKET = `/${names.federationBucket('tavi')}`;
const keyOf = ({ url }: Carried): string => decodeURIComponent(url.pathname.slice(BUCKET.length + 1));
const isPut = (carried: Carried, name: RegExp): boolean => carried.method === 'PUT' && name.test(carried.url.pathname);
const isGet = (carried: Carried, name: RegExp): boolean => carried.method === 'GET' && name.test(carried.url.pathname);

/** Why a site must not have sent a request; undefined if it may. */
function faultOf(site: string, carried: Carried): string | undefined {
  const { method, url, action, body, headers } = carried;
  const text = `${url.href} ${JSON.stringify(headers)} ${body.toString('latin1')}`;
  if (text.includes(caseOf(site))) return 'names a case';
  if (action !== undefined) {
    const allowed = ['GetQueueUrl', 'ReceiveMessage', 'DeleteMessageBatch', 'ChangeMessageVisibility'];
    const { QueueName, QueueUrl = '' } = JSON.parse(body.toString()) as Readonly<Record<string, string>>;
    const queue = QueueName ?? QueueUrl.split('/').at(-1);
    return allowed.includes(action) && queue === names.gpuTaskQueue('tavi', site) ? undefined : `${action} of ${queue}`;
  }
  if (url.pathname !== BUCKET && !url.pathname.startsWith(`${BUCKET}/`)) return 'is for another bucket';
  const { read = [], write = [], list = [] } = machineAccess(site);
  const may = (patterns: readonly string[], key: string) => patterns.some((pattern) => isLike(key, pattern));
  if (url.searchParams.has('list-type')) {
    return may(list as readonly string[], url.searchParams.get('prefix') ?? '') ? undefined : 'lists';
  }
  if (method === 'GET' || method === 'HEAD') return may(read, keyOf(carried)) ? undefined : 'reads';
  return method === 'PUT' && may(write, keyOf(carried)) ? undefined : method;
}

/** Checks the record of a line, and that the log of what was sent agrees with it. */
function requireNothingElse(site: string, { line: { carried }, sentLog }: Hospital): void {
  const faults = carried.flatMap((one) => {
    const fault = faultOf(site, one);
    return fault ? [`${fault}: ${one.method} ${one.url.pathname}${one.url.search}`] : [];
  });
  expect(faults).toEqual([]);
  const puts = carried.filter(({ method }) => method === 'PUT');
  const carriedObjects = puts.map((one) => `${keyOf(one)} ${one.body.length} ${sha256Hex(one.body)}`);
  const log = readSentLog(sentLog);
  const logged = log.map(({ key, bytes, sha256 }) => `${key} ${bytes} ${sha256}`);
  expect(new Set(logged)).toEqual(new Set(carriedObjects));
  expect(log.filter(({ state, what }) => state === 'sending' || what === 'unknown')).toEqual([]);
  // Weights, updates, counts, and the answer to the campaign.
  expect(new Set(log.map(({ what }) => what)).size).toBe(4);
}

describe('a federation of three sites in the cloud and two on-premises', () => {
  const federation = federationOf((site) => ON_PREMISES.includes(site));
  let expected: readonly (string | undefined)[];

  async function start(): Promise<{
    cloud: Platform;
    jena: Hospital;
    kiel: Hospital;
    train: () => ReturnType<typeof train>;
  }> {
    const cloud = await startCloud(federation);
    const jena = await startHospital(federation, 'jena', cloud.endpoint);
    const kiel = await startHospital(federation, 'kiel', cloud.endpoint);
    const own: Readonly<Record<string, Hospital>> = { jena, kiel };
    return { cloud, jena, kiel, train: () => train(cloud, (site) => own[site]?.platform ?? cloud) };
  }

  test('has these models with all sites in the cloud', async () => {
    const cloud = await startCloud(federationOf(() => false));

    expected = await train(cloud, () => cloud);

    expect(expected).toEqual([expect.any(String), expect.any(String)]);
  }, 180_000);

  test('has the same models, and nothing but updates, counts and answers leave the hospitals', async () => {
    const { cloud, jena, kiel, train } = await start();

    expect(await train()).toEqual(expected);

    for (const site of ON_PREMISES) {
      const image = cloud.context.siteStore(site).get(siteKeys.image('training', caseOf(site)));
      await expect(image).rejects.toThrow('NoSuchBucket');
    }
    for (const [site, hospital] of Object.entries({ jena, kiel })) {
      requireNothingElse(site, hospital);
      expect(hospital.outages).toEqual([]);
    }
  }, 180_000);

  test('has the same models when lines are cut and machines switched off in the middle of rounds', async () => {
    const { jena, kiel, train } = await start();
    const cut = (at: Cut['at'], matches: Cut['matches']): Cut => ({ at, matches, ms: 1500 });
    jena.line.cutAt(
      cut('before', ({ action }) => action === 'ReceiveMessage'),
      cut('behind', (one) => isPut(one, /\/updates\/jena\/.*\/0001\/\w+\.safetensors$/)),
      cut('behind', (one) => isPut(one, /\/updates\/jena\/.*\/0001\/\w+\.update\.json$/)),
      cut('before', (one) => isPut(one, /\/updates\/jena\/.*\/0002\/\w+\.safetensors$/)),
    );
    kiel.line.cutAt(
      cut('behind', (one) => isPut(one, /summary\.json$/)),
      cut('before', (one) => isPut(one, /\/updates\/kiel\/.*\/0001\/\w+\.update\.json$/)),
      cut('within', (one) => isGet(one, /\/models\/.*\/0001\/\w+\.safetensors$/)),
    );
    const cuts = [jena, kiel].map(({ line }) => line);
    let switchedOff: Promise<void> | undefined;
    kiel.onGpuTask = ({ type, ...event }) => {
      if (type !== 'progress' || switchedOff || !('message' in event) || event.message.round !== 2) return;
      switchedOff = kiel.platform.close().then(() => kiel.start());
    };

    expect(await train()).toEqual(expected);

    expect(switchedOff).toBeDefined();
    await switchedOff;
    expect(cuts.map(({ happened }) => happened.length)).toEqual([4, 3]);
    for (const [site, hospital] of Object.entries({ jena, kiel })) {
      requireNothingElse(site, hospital);
      expect(hospital.failures).toEqual([]);
      expect(hospital.outages.map(({ line, code }) => `${line} ${code}`)).toContain('federation STORAGE_UNAVAILABLE');
      expect(hospital.outages.filter(({ line }) => line !== 'federation')).toEqual([]);
    }
  }, 240_000);
});

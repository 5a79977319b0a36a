import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import {
  type CampaignInput,
  commitSchema,
  type Federation,
  type Outcome,
  outcomeSchema,
} from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { pseudoLabels, student, type ToyCase, teacher } from '../helpers/campaign.ts';
import { createAuthorizer } from './authorizer.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { withoutEachStatement } from './mutations.ts';
import { nameOf } from './resources.ts';
import { writeToyCase } from './uploads.ts';

const uploaders = ['arn:aws:iam::999900001111:role/radiology'];
const withdrawers = ['arn:aws:iam::999900001111:role/data-protection'];
/** Two sites in the coordinator's account, and one with an account and a region of its own. */
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  account: '111122223333',
  region: 'eu-central-1',
  researchers: ['arn:aws:iam::999900001111:role/research'],
  sites: [
    { id: 'bonn', name: 'Bonn', uploaders, withdrawers },
    { id: 'ulm', name: 'Ulm', uploaders, withdrawers },
    {
      id: 'graz',
      name: 'Graz',
      account: '444455556666',
      region: 'eu-west-1',
      image: '444455556666.dkr.ecr.eu-west-1.amazonaws.com/heart/tasks:0.1.0',
      uploaders,
      withdrawers,
    },
  ],
};
const SITES = FEDERATION.sites.map(({ id }) => id);
const labels = ['hinge-points'] as const;
/** Ulm has no training labels. */
const CASES: readonly ToyCase[] = SITES.flatMap((site) => [
  { site, id: `scan-${site}-1`, use: 'training', labels: site === 'ulm' ? [] : labels },
  { site, id: `scan-${site}-9`, use: 'evaluation', labels },
]);
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'first',
  seed: 5,
  stages: [
    teacher('hinge-points', 1),
    pseudoLabels(labels),
    student('student', labels, 1, 'pseudo-label'),
    { kind: 'evaluate', name: 'evaluate', models: { student: 'student' }, predictions: 'student' },
  ],
};
/** Signals of a job's first attempt: the host of one is reclaimed, the other runs out of memory. */
const RECLAIMED = 'first_teacher__hinge-points_0001_bonn';
const KILLED = 'first_student_0001_graz';
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { [RECLAIMED]: 'SIGTERM', [KILLED]: 'SIGKILL' };

/** A minute of the schedules. */
const MINUTE_MS = 5000;
const HERE = ['--federation', 'heart'];
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-deployed-'));
let cloud: Cloud;
let outcome: Outcome;
/** What was refused until the campaign had ended. */
let refused: Cloud['gateway']['refused'];

beforeAll(async () => {
  const interrupt = ({ jobName }: { readonly jobName: string }, attempt: number) =>
    attempt === 1 ? SIGNALS[jobName] : undefined;
  cloud = await startCloud({ federation: FEDERATION, folder, minuteMs: MINUTE_MS, interrupt });
  const policy = ['standing', '--scores', 'cases', '--minimum-cases', '1', '--by', 'Data protection office'];
  for (const site of SITES) await succeeds(`heart-${site}-withdraw`, 'site', 'policy', site, ...policy);
  await Promise.all(SITES.map(uploadAll));
  writeFileSync(join(folder, 'campaign.json'), JSON.stringify(CAMPAIGN));
  await succeeds('heart-research', 'campaign', 'start', join(folder, 'campaign.json'));
  outcome = await untilEnded();
  await cloud.idle();
  refused = [...cloud.gateway.refused];
}, 600_000);
afterAll(async () => {
  await cloud?.close();
  rmSync(folder, { recursive: true });
});

/** Runs a command with a role, and fails with what it printed. */
async function succeeds(role: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cloud.fedcardio(role, ...words, ...HERE);
  if (code !== 0)
    throw new Error(`fedcardio ${words.join(' ')} of ${role}: exit code ${code}\n${stdout}\n${stderr}\n${troubles()}`);
  return stdout;
}

/** Everything that does not happen in a good run. */
const troubles = () =>
  JSON.stringify({
    refused: cloud.gateway.refused,
    problems: cloud.problems,
    failures: cloud.functions.failures,
    uninvokable: cloud.bus.refused,
  });

/** As the hospital's upload role, with `fedcardio site upload`, which waits for the verdict of intake. */
async function uploadAll(site: string): Promise<void> {
  for (const [index, item] of CASES.entries()) {
    if (item.site !== site) continue;
    const dir = join(folder, 'hospital', site, item.use);
    await writeToyCase(dir, item, index);
    const use = item.use === 'evaluation' ? ['--held-out'] : [];
    await succeeds(names.siteRole('heart', site, 'upload'), 'site', 'upload', site, dir, ...use);
  }
}

async function untilEnded(): Promise<Outcome> {
  const { federationStore } = storesOf(cloud.openBucket, 'heart');
  for (;;) {
    const found = await tryReadJson(federationStore, federationKeys.outcome(CAMPAIGN.id), outcomeSchema);
    if (found) return found.value;
    if (cloud.problems.length > 0) throw new Error(troubles());
    await sleep(200);
  }
}

const job = (name: string) => cloud.batch.jobs.find(({ jobName }) => jobName === name);

test('the campaign completes', () => {
  expect(outcome, troubles()).toMatchObject({ status: 'completed', campaign: CAMPAIGN.id });
});

test('the policies of the templates allow every request, and nothing fails', () => {
  expect(refused).toEqual([]);
  expect(cloud.problems).toEqual([]);
  expect(cloud.functions.failures).toEqual([]);
  expect(cloud.bus.refused).toEqual([]);
});

test('every function ran, and the function of failed jobs where one failed', () => {
  const expected = cloud.deployment.functions
    .map(({ name }) => name)
    .filter((name) => !name.endsWith('-job-failed') || name === 'heart-graz-job-failed');

  expect([...cloud.functions.invocations.keys()].sort()).toEqual(expected.sort());
});

test('a job whose host is reclaimed runs again', () => {
  expect(job(RECLAIMED)?.attempts.map(({ container }) => container.exitCode)).toEqual([143, 0]);
});

test('a round closes without a job that ran out of memory', async () => {
  const { federationStore } = storesOf(cloud.openBucket, 'heart');
  const round = { campaign: CAMPAIGN.id, stage: 'student', round: 1 };

  const { value: commit } = await readJson(federationStore, federationKeys.commit(round), commitSchema);

  expect(job(KILLED)).toMatchObject({ status: 'FAILED', attempts: [{ container: { exitCode: 137 } }] });
  expect(commit.sites).toEqual(['bonn', 'ulm']);
});

test('a site in another region is redirected to the federation bucket', () => {
  expect(cloud.gateway.redirected).toContain('heart-graz-task heart-federation');
});

test('no message is left, and no dead letter', async () => {
  const depths = await cloud.depths();

  expect(Object.keys(depths).length).toBeGreaterThan(0);
  expect(Object.fromEntries(Object.entries(depths).filter(([, depth]) => depth > 0))).toEqual({});
});

test('each hospital reads the predictions of its held-out case', async () => {
  for (const { site, id, use } of CASES) {
    if (use !== 'evaluation') continue;
    const openBucket = createObjectStorage(cloud.connectionOf(names.siteRole('heart', site, 'upload')));
    const key = siteKeys.prediction(CAMPAIGN.id, 'student', 'hinge-points', id);
    expect((await storesOf(openBucket, 'heart').siteStore(site).get(key)).body.length, site).toBeGreaterThan(0);
  }
});

test('the research role follows, verifies and reports the campaign, and reads no bucket of a site', async () => {
  const of = (command: string, ...more: readonly string[]) =>
    succeeds('heart-research', 'campaign', command, CAMPAIGN.id, ...more);
  const report = join(folder, 'report');

  expect(JSON.parse(await of('status', '--json'))).toMatchObject({ phase: 'completed' });
  expect(JSON.parse(await of('verify', '--json'))).toMatchObject({ valid: true });
  await of('report', '--out', report);

  expect(existsSync(join(report, 'report.html'))).toBe(true);
  const since = cloud.gateway.refused.slice(refused.length);
  expect(since.filter(({ role, on }) => role !== 'heart-research' || !on.startsWith('heart-site-'))).toEqual([]);
});

test('no trace and no log names a case', () => {
  const logs = [...cloud.functions.lines(), ...cloud.batch.jobs.flatMap(({ lines }) => lines)];
  const texts = [...cloud.traces, ...logs.map((line) => JSON.stringify(line))];

  expect(cloud.traces.length).toBeGreaterThan(0);
  expect(texts.filter((text) => CASES.some(({ id }) => text.includes(id)))).toEqual([]);
});

/** Roles of a site in another account, and of the coordinator. */
const isExamined = (role: string) => !SITES.some((site) => site !== 'graz' && role.startsWith(`heart-${site}-`));

test('without statements of any role, requests of the run would have been refused', async () => {
  const asked = cloud.gateway.allowed.map((one) => ({ ...one, role: nameOf(one.caller.arn) }));
  const roles = [...new Set(asked.map(({ role }) => role))].filter(isExamined);
  const needed = new Set<string>();

  for (const { role, stacks } of withoutEachStatement(cloud.stacks, roles)) {
    if (needed.has(role)) continue;
    const mutated = createAuthorizer(stacks);
    const answers = await Promise.all(asked.filter((one) => one.role === role).map((one) => mutated.may(one)));
    if (answers.includes(false)) needed.add(role);
  }

  expect(roles.length).toBeGreaterThan(5);
  expect([...needed].sort()).toEqual(roles.sort());
}, 120_000);

/** Last, since the message stays in its queue. */
test('with a statement less, an upload is not cataloged', async () => {
  const role = 'heart-bonn-intake';
  const mutations = [...withoutEachStatement(cloud.stacks, [role])];
  const mutation = mutations.find(({ actions }) => actions.includes('s3:PutObject'));
  const item: ToyCase = { site: 'bonn', id: 'scan-bonn-2', use: 'training', labels };
  const dir = join(folder, 'hospital', 'bonn', 'more');
  await writeToyCase(dir, item, 2);
  cloud.gateway.use(createAuthorizer(mutation?.stacks ?? []));

  await succeeds('heart-bonn-upload', 'site', 'upload', 'bonn', dir, '--no-wait');

  const denied = expect.objectContaining({ role, action: 's3:PutObject', why: 'denied' });
  await expect.poll(() => cloud.gateway.refused, { timeout: 30_000 }).toContainEqual(denied);
  expect(await storesOf(cloud.openBucket, 'heart').siteStore('bonn').head(siteKeys.catalog(item.id))).toBeUndefined();
});

import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collect } from '../../lib/async.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { image, PNG } from '../../lib/intake/testing.ts';
import { epsilonOf } from '../../lib/privacy/accountant.ts';
import type { Case, Points } from '../../page/api/hospital/case.ts';
import type { Cases } from '../../page/api/hospital/cases.ts';
import type { AskedCampaigns } from '../../page/api/hospital/decide.ts';
import type { Sent } from '../../page/api/hospital/sent.ts';
import type { UploadState } from '../../page/api/hospital/upload.ts';
import { CAMPAIGN, hospitalPage } from '../helpers/hospital-page.ts';
import { startTestPage } from '../helpers/page-server.ts';

let folder: string;
let hospital: Awaited<ReturnType<typeof hospitalPage>>;
let cookie: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-hospital-'));
  hospital = await hospitalPage(folder);
  cookie = await hospital.server.cookie();
});
afterEach(async () => {
  await hospital.server.close();
  rmSync(folder, { recursive: true, force: true });
  expect(hospital.server.failures).toEqual([]);
});

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${hospital.server.origin}/api/v1${path}`, {
    ...init,
    headers: { cookie, origin: hospital.server.origin, ...init.headers },
  });
const get = async <T>(path: string): Promise<T> => {
  const response = await ask(path);
  expect(response.status, path).toBe(200);
  return response.json() as Promise<T>;
};
const post = async (path: string, body: unknown) => {
  const headers = { 'content-type': 'application/json' };
  const response = await ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
};

test('lists cases with what intake says, and finds them by state, use, label and name', async () => {
  const all = await get<Cases>('/site/cases');
  const find = async (query: string) => (await get<Cases>(`/site/cases?${query}`)).cases.map((one) => one.case);

  expect(all).toMatchObject({ total: 4, counts: { accepted: 2, rejected: 1, pending: 1, unread: 0 } });
  expect(all.cases.find((one) => one.case === 'p1')?.labels).toEqual([
    { task: 'hinge-points', state: 'teaches' },
    { task: 'calcification', state: 'teaches' },
  ]);
  expect(all.cases.find((one) => one.case === 'p2')?.faults).toEqual([
    { file: 'cases/p2/image.nii.gz', code: 'BAD_IMAGE', reason: expect.any(String), hint: expect.any(String) },
  ]);
  expect(all.labels[0]).toMatchObject({ task: 'hinge-points', teaching: 1, incomplete: 0, heldOut: 1 });
  expect(await find('verdict=rejected')).toEqual(['p2']);
  expect(await find('use=evaluation')).toEqual(['p3']);
  expect(await find('task=calcification')).toEqual(['p1']);
  expect(await find('search=P4')).toEqual(['p4']);
});

test('tells what is known of a case, and measures between its landmarks', async () => {
  const one = await get<Case>('/site/cases/p1');
  const fromMap = await get<Points>('/site/cases/p1/points');
  const fromPoints = await get<Points>('/site/cases/p3/points');
  const missing = await ask('/site/cases/p9');

  expect(one).toMatchObject({ verdict: 'accepted', image: { shape: [12, 10, 8] } });
  expect(one.findings.map(({ from, task }) => [from, task])).toEqual([
    ['label', 'calcification'],
    ['label', 'hinge-points'],
  ]);
  for (const { sets } of [fromMap, fromPoints]) {
    expect(sets[0]?.points.map(({ title }) => title)).toContain('right hinge point');
    expect(sets[0]?.points.every(({ position }) => position !== null)).toBe(true);
  }
  expect(fromMap.sets[0]?.measurements.map(({ id }) => id)).toContain('calcification-volume');
  expect(missing.status).toBe(404);
});

test('hands out volumes of the site, and nothing else', async () => {
  const { site } = hospital;
  await hospital.openBucket('tavi-site-munich').put('cases/m1/image.nii.gz', image(7));
  const volume = (key: string) => ask(`/site/volume?key=${encodeURIComponent(key)}`);

  const own = await volume('cases/p1/image.nii.gz');

  expect(Buffer.from(await own.arrayBuffer()).equals(image(1))).toBe(true);
  expect((await volume('cases/m1/image.nii.gz')).status).toBe(404);
  for (const key of ['catalog/p1.json', 'updates/munich/x.nii.gz', '../tavi-site-munich/cases/m1/image.nii.gz']) {
    expect((await volume(key)).status, key).toBe(403);
  }
  expect((await ask('/site/volume?key=cases/p1/image.nii.gz&site=munich')).status).toBe(422);
  expect(site.store.bucket).toBe('tavi-site-berlin');
});

test('a site sees nothing of others, nor a coordinator anything of a site', async () => {
  const { context } = hospital.server;
  const coordinator = await startTestPage({ openBucket: hospital.openBucket, id: 'tavi' });
  const other = await coordinator.cookie();

  const asSite = await ask('/campaigns');
  const asCoordinator = await fetch(`${coordinator.origin}/api/v1/site/cases`, { headers: { cookie: other } });
  await coordinator.close();

  expect(asSite.status).toBe(403);
  expect(asCoordinator.status).toBe(403);
  const denied = { code: 'STORAGE', message: expect.stringContaining('AccessDenied') };
  const munich = context.siteStore('munich');
  const key = siteKeys.image('training', 'm1');
  for (const reading of [
    munich.get(key),
    munich.tryGet(key),
    munich.head(key),
    munich.put(key, ''),
    munich.delete(key),
  ])
    await expect(reading).rejects.toMatchObject(denied);
  await expect(collect(munich.list(siteKeys.catalogPrefix))).rejects.toMatchObject(denied);
  const { federationStore } = context;
  await expect(collect(federationStore.list(federationKeys.campaignUpdates(CAMPAIGN, 'munich')))).rejects.toMatchObject(
    denied,
  );
  await expect(collect(federationStore.list(federationKeys.summaryPrefix))).rejects.toMatchObject(denied);
  await expect(federationStore.tryGet(federationKeys.summary('munich'))).rejects.toMatchObject(denied);
  await expect(federationStore.put(federationKeys.summary('berlin'), '')).rejects.toMatchObject(denied);
});

test('lists what left once, from records, log and the federation bucket, and what no record has', async () => {
  const { machine, sha256, site } = hospital;
  const unrecorded = federationKeys.update({ campaign: CAMPAIGN, stage: 'evaluate', round: 1 }, 'berlin', 'report');
  await site.federationStore.put(unrecorded, '{}');
  const ofFunctions = {
    keys: federationKeys.stepAnswer({ campaign: CAMPAIGN, stage: 'teacher', attempt: 1 }, 'berlin', 'keys'),
    consent: federationKeys.consent('berlin', 'another'),
    withdrawal: federationKeys.withdrawal('berlin', 'a'.repeat(16)),
  };
  for (const key of Object.values(ofFunctions)) await site.federationStore.put(key, '{}');
  const line = { schema: 'fedcardio.sent-object/1', at: '2026-03-02T09:31:02.000Z', key: 'sites/berlin/summary.json' };
  const sending = { ...line, id: '0f2c5f0e-6f39-4c0a-9a5e-6a1a5a1c2f10', bytes: 214, sha256, what: 'counts' };
  appendFileSync(machine.sentLog, `${JSON.stringify({ ...sending, state: 'sending' })}\n`);

  const { objects, totals, log } = await get<Sent>('/site/sent');

  const of = (key: string) => objects.filter((one) => one.key === key);
  const weights = objects.filter(({ kind }) => kind === 'weights');
  expect(weights).toMatchObject([{ sha256, round: 1, known: ['record', 'bucket'], isUnsure: false }]);
  expect(of(unrecorded)).toMatchObject([
    { kind: 'answer', known: ['bucket'], sha256: expect.stringMatching(/^44136f/) },
  ]);
  expect(of('sites/berlin/summary.json')).toMatchObject([{ known: ['bucket'] }, { known: ['log'], isUnsure: true }]);
  for (const [kind, key] of Object.entries(ofFunctions)) expect(of(key)).toMatchObject([{ kind, known: ['bucket'] }]);
  expect(objects.some(({ key }) => key.includes('munich'))).toBe(false);
  expect(totals.objects).toBe(objects.length);
  expect(log).toBe(machine.sentLog);
});

test('says what a campaign asks of this site', async () => {
  const { campaigns, counts } = await get<AskedCampaigns>('/site/campaigns');
  const unknown = await ask('/site/campaigns/nothing-of-the-kind');

  expect(counts).toMatchObject({ training: 1, evaluation: 1 });
  expect(campaigns).toMatchObject([{ campaign: CAMPAIGN, phase: 'running', sent: 2 }]);
  const [teacher, pseudoLabel, , evaluate] = campaigns[0]?.stages ?? [];
  expect(teacher).toMatchObject({ stage: 'teacher/hinge-points', rounds: 2, cases: 1 });
  expect(teacher?.contents).toContainEqual({ content: 'weights' });
  expect(pseudoLabel?.contents).not.toContainEqual({ content: 'weights' });
  // Means of at least five cases are asked for, the site holds one out, and hinge points have no volume.
  expect(evaluate?.contents).toContainEqual({ content: 'scores', minimum: 5, isWithheld: true });
  expect(evaluate?.contents.some(({ content }) => content === 'volumes')).toBe(false);
  expect(pseudoLabel?.keys.some((key) => key.endsWith('.safetensors'))).toBe(false);
  expect(unknown.status).toBe(404);

  await hospital.site.federationStore.put(federationKeys.outcome(CAMPAIGN), '{}');
  await sleep(4100);
  expect((await get<AskedCampaigns>('/site/campaigns')).campaigns[0]?.phase).toBe('ended');
});

test('shows what the site has spent of its privacy budget', async () => {
  const example = (name: string) =>
    readFileSync(join(import.meta.dirname, '../../docs/events', `${name}.json`), 'utf8');
  const before = await get<AskedCampaigns>('/site/campaigns');
  await hospital.site.store.put(siteKeys.ledger, example('ledger'));
  await hospital.site.store.put(siteKeys.policy, example('policy'));
  await sleep(4100);

  const { privacy } = await get<AskedCampaigns>('/site/campaigns');

  expect(before.privacy).toEqual({ spent: 0, delta: 1e-5, releases: 0 });
  expect(privacy).toMatchObject({ budget: 8, delta: 1e-5, releases: 2 });
  // Two releases of a Gaussian mechanism reveal what one with its noise divided by √2 does.
  const one = { noise: 4.72 / Math.SQRT2, rate: 1, count: 1 };
  expect(privacy?.spent).toBeCloseTo(epsilonOf([one], 1e-5), 6);
});

async function uploaded(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const bytes = Object.values(files).reduce((sum, body) => sum + body.length, 0);
  const begun = await post('/site/upload', { use: 'training', files: Object.keys(files).length, bytes });
  const upload = String(begun.body.upload);
  for (const [path, body] of Object.entries(files)) {
    const query = new URLSearchParams({ upload, path });
    const put = await ask(`/site/upload/file?${query}`, { method: 'PUT', body: Buffer.from(body) });
    expect(put.status, path).toBe(200);
  }
  return upload;
}

/** The upload once it has reached one of the phases. */
async function reached(...phases: readonly UploadState['phase'][]): Promise<UploadState> {
  for (let asked = 0; ; asked++) {
    const { state } = await get<{ state?: UploadState }>(`/site/upload?asked=${asked}`);
    if (state && phases.includes(state.phase)) return state;
    await sleep(50);
  }
}

const copies = () => readdirSync(tmpdir()).filter((name) => name.startsWith('fedcardio-upload-'));

test('checks an upload before anything is sent, uploads what is accepted, and removes the copy', async () => {
  const before = copies();
  const upload = await uploaded({
    'CASES/p8/image.nii.gz': image(8),
    'CASES/p9/image.nii.gz': PNG,
    'CASES/.DS_Store': PNG,
  });
  await post('/site/upload/check', { upload });
  const checked = await reached('checked', 'failed');
  const stored = await collect(hospital.site.store.list(siteKeys.casePrefix('cases', 'p8')));
  await post('/site/upload/send', { upload });
  const sent = await reached('sent', 'failed');

  expect(checked.checked).toMatchObject({ accepted: 1, total: 2, cases: [{ case: 'p9', accepted: false }, {}] });
  expect(stored).toEqual([]);
  expect(sent.sent).toMatchObject({ files: 1, refused: [{ case: 'p9' }] });
  expect(await hospital.site.store.head(siteKeys.image('training', 'p8'))).toBeDefined();
  expect(await hospital.site.store.head(siteKeys.image('training', 'p9'))).toBeUndefined();
  expect(copies()).toEqual(before);
});

test('converts a DICOM export under pseudonyms, whose secret stays on the machine', async () => {
  const fixtures = join(import.meta.dirname, '../fixtures/dicom');
  const files = ['explicit', 'tilt'].flatMap((kind) =>
    readdirSync(join(fixtures, kind)).map((name) => `${kind}/${name}`),
  );
  const upload = await uploaded(
    Object.fromEntries(files.map((name) => [`export/${name}`, readFileSync(join(fixtures, name))])),
  );
  await post('/site/upload/check', { upload });
  const { checked, refused } = await reached('checked', 'failed');
  await post('/site/upload/send', { upload });
  const { sent } = await reached('sent', 'failed');

  expect(checked).toMatchObject({ accepted: 1, total: 1 });
  expect(refused).toEqual([expect.stringMatching(/tilted/)]);
  expect(sent?.files).toBe(1);
  expect(existsSync(hospital.machine.pseudonyms)).toBe(true);
});

test('takes no file outside the folder of the upload, nor more than was announced, and can be ended', async () => {
  const before = copies();
  const { body } = await post('/site/upload', { use: 'training', files: 1, bytes: 10 });
  const upload = String(body.upload);
  const put = (path: string, bytes: number) =>
    ask(`/site/upload/file?${new URLSearchParams({ upload, path })}`, { method: 'PUT', body: Buffer.alloc(bytes) });

  for (const path of ['../p1/image.nii.gz', '/etc/passwd', 'a/../../b', 'a//b', 'a\\b']) {
    expect((await put(path, 1)).status, path).toBe(422);
  }
  expect((await put('p1/image.nii.gz', 11)).status).toBe(422);
  expect((await post('/site/upload/send', { upload })).status).toBe(409);
  expect((await post('/site/upload/end', { upload })).status).toBe(200);
  expect(copies()).toEqual(before);
});

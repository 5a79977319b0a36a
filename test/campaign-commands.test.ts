import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/testing.ts';
import type { CampaignInput } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { student, uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

const TASK = 'hinge-points';
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'tavi-2026',
  stages: [
    student('student', [TASK], 2),
    { kind: 'evaluate', name: 'evaluate', models: { ours: 'student' }, predictions: 'ours' },
  ],
};

/** Kiel has a held-out case only, so that it takes part in the evaluation but not in the training. */
const CASES = [
  { site: 'bonn', id: 'b1', use: 'training', labels: [TASK] },
  { site: 'kiel', id: 'k9', use: 'evaluation', labels: [TASK] },
] as const;

/** The commands of docs/campaigns.md, in the order of the page. */
const PAGE_COMMANDS = [...readFileSync('docs/campaigns.md', 'utf8').matchAll(/^npx fedcardio (campaign .+)$/gm)].map(
  ([, text = '']) => text.split(' '),
);

let local: LocalFederation;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-campaign-'));
  local = await startLocalFederation({ sites: ['bonn', 'kiel'], name: 'heart' });
  for (const [index, toy] of CASES.entries()) await uploadToyCase(local.siteStore(toy.site), toy, index);
  for (;;) {
    const { stdout } = await run('validate', fileOf(CAMPAIGN), '--json');
    const { stages } = JSON.parse(stdout) as { readonly stages: readonly { readonly sites: readonly unknown[] }[] };
    if (stages.every(({ sites }) => sites.length > 0)) break;
  }
}, 120_000);

afterAll(async () => {
  await local.close();
  rmSync(folder, { recursive: true });
});

const command = (...args: readonly string[]) =>
  runCommand([...args, '--federation', local.federation.id, '--endpoint', local.endpoint], folder);
const run = (...args: readonly string[]) => command('campaign', ...args);

function fileOf(campaign: object): string {
  const file = join(folder, 'campaign.json');
  writeFileSync(file, JSON.stringify(campaign));
  return file;
}

describe('a campaign by commands alone', () => {
  test('is refused before its id is used up', async () => {
    const wrong = await run('start', fileOf({ ...CAMPAIGN, stages: [student('student', ['hinge-point'], 1)] }));
    const large = { ...student('student', [TASK], 1), quorum: { minSites: 9 } };

    expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('Did you mean "hinge-points"?') });
    expect(wrong.stdout).toContain('Nothing was uploaded.');
    expect(await run('validate', fileOf({ ...CAMPAIGN, stages: [large] }))).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('needs 9 sites; the federation has 2'),
    });
    expect((await run('list')).stdout).toContain('has no campaigns');
  }, 120_000);

  test('is started with --force although a stage has no data yet', async () => {
    const early = fileOf({ ...CAMPAIGN, id: 'early', stages: [student('student', ['calcification'], 1)] });

    expect(await run('start', early)).toMatchObject({ code: 1, stdout: expect.stringContaining('--force') });
    expect(await run('start', early, '--force')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('was uploaded'),
    });
  }, 120_000);

  test('runs from start to report by the commands of its page', async () => {
    fileOf(CAMPAIGN);
    writeFileSync(join(folder, 'federation.json'), JSON.stringify(local.federation));
    const ran = new Map<string, Awaited<ReturnType<typeof runCommand>>>();
    for (const words of PAGE_COMMANDS) {
      ran.set(words[1] as string, await runCommand([...words, '--endpoint', local.endpoint], folder));
      if (words[1] === 'watch') await local.idle();
    }
    const status = await run('status', 'tavi-2026', '--json');
    const listed = await run('list', '--json');

    expect([...ran.keys()]).toEqual(['validate', 'start', 'list', 'watch', 'status', 'report']);
    for (const [name, { code, stderr }] of ran) expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
    const [started, watched, report] = ['start', 'watch', 'report'].map((name) => ran.get(name)?.stdout);
    expect(started).toContain('campaign watch tavi-2026 --federation');
    expect(watched).toMatch(/ student round 2\/2: merged 1 of 1 sites, loss /);
    expect(watched).toMatch(/ tavi-2026: completed\n$/);
    expect(JSON.parse(status.stdout)).toMatchObject({ schema: 'fedcardio.campaign-status/1', phase: 'completed' });
    expect(JSON.parse(listed.stdout)).toMatchObject({
      campaigns: expect.arrayContaining([expect.objectContaining({ campaign: 'tavi-2026', phase: 'completed' })]),
    });
    expect(report).toContain('student rounds 1–2: merged 1 of 2 sites, 100\u00a0% of the cases');
    expect(report).toContain('kiel: no data: it had no training cases with labels of hinge-points');
    expect(readdirSync(join(folder, 'tavi-report')).sort()).toEqual([
      'predictions',
      'report.html',
      'report.json',
      'round_metrics.jsonl',
      'rounds.csv',
      'scores.csv',
    ]);
    const written = JSON.parse(readFileSync(join(folder, 'tavi-report/report.json'), 'utf8'));
    expect(written).toMatchObject({ status: 'completed', chain: { rounds: 3, faults: [] } });
    expect(written.models).toMatchObject([{ name: 'ours', metrics: { [TASK]: { kind: 'landmarks', n: 5 } } }]);
  }, 300_000);

  test('is not started twice, and its id stays used', async () => {
    const again = await run('start', fileOf(CAMPAIGN));
    const other = await run('start', fileOf({ ...CAMPAIGN, seed: 1 }));

    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing changes') });
    expect(other).toMatchObject({ code: 1, stdout: expect.stringContaining('The id "tavi-2026" is used up') });
  }, 120_000);
});

test('dead letters are counted, shown in words and sent again', async () => {
  const queue = names.intakeQueue(local.federation.id, 'bonn');
  const object = {
    bucket: { name: names.siteBucket(local.federation.id, 'bonn') },
    object: { key: 'cases/b1/image.nii.gz' },
  };
  const record = { eventVersion: '2.1', eventName: 'ObjectCreated:Put', eventTime: '2026-01-01T00:00:00Z', s3: object };
  await local.queues.send(names.deadLetterQueue(queue), JSON.stringify({ Records: [record] }));

  expect((await command('dead-letters', 'list')).stdout).toMatch(new RegExp(`${queue} +1\n`));
  expect((await command('dead-letters', 'show', '--queue', queue)).stdout).toContain('CT of case b1 written in');
  expect((await command('dead-letters', 'redrive')).stdout).toContain(`${queue}: 1 message sent again.`);
  expect((await command('dead-letters', 'redrive')).stdout).toBe('There are no dead letters.\n');
  expect(await command('dead-letters', 'list', '--queue', `${queue}s`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`Did you mean "${queue}"?`),
  });
}, 120_000);

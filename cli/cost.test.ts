import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from '../cdk/isolation/example-federation.ts';
import { type Campaign, campaignSchema, federationSchema } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { TEACHER_STAGE } from '../lib/federation/testing.ts';
import { createNetwork } from '../lib/models/network.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { estimateCost } from './cost/estimate.ts';
import { PRICES } from './cost/prices.ts';
import { ASSUMPTIONS, BENCH, workOf } from './cost/workload.ts';
import { runCommand } from './testing.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const federationOf = (sites: number) =>
  federationSchema.parse({
    schema: 'fedcardio.federation/1',
    id: 'heart',
    sites: Array.from({ length: sites }, (_, i) => ({ id: `site-${i}`, name: String(i) })),
  });

/** One teacher as the bench trains it: a step takes as long as there. */
function campaignOf(training: Record<string, unknown> = {}, more: Record<string, unknown> = {}): Campaign {
  const model = { kind: 'unet', features: [BENCH.features, 16, 32, 64] };
  const stage = {
    ...TEACHER_STAGE,
    model,
    rounds: 10,
    training: { steps: 100, learningRate: 1, ...training },
    ...more,
  };
  return campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages: [stage] });
}
const estimate = (sites: number, campaign = campaignOf()) =>
  estimateCost(federationOf(sites), campaign, ASSUMPTIONS, PRICES);
const gpuHours = (sites: number, campaign = campaignOf()) => estimate(sites, campaign).campaign.lines[0]?.quantity;

describe('the cost of a campaign', () => {
  test('counts GPU hours by steps, starts and sites', () => {
    const computing = 1000 / (BENCH.stepsPerSecond.unet * ASSUMPTIONS.gpuRatio);
    const starting = 10 * ASSUMPTIONS.startSeconds;
    expect(gpuHours(3)).toBeCloseTo((3 * (computing + starting)) / 3600, 10);
    expect(estimate(3).campaign.lines[0]?.usd).toBeCloseTo((gpuHours(3) ?? 0) * 1.006, 10);
  });

  test.each([
    ['eight times for patches of twice the side', { patch: 64 }, 8],
    ['twice for batches of two', { batch: 2 }, 2],
    ['twice for twice the steps', { steps: 200 }, 2],
  ])('grows %s', (_, training, times) => {
    const of = (campaign: Campaign) => workOf(campaign, DEFAULT_TASKS, ASSUMPTIONS)[0]?.gpuSeconds ?? 0;
    expect(of(campaignOf(training)) / of(campaignOf())).toBeCloseTo(times, 10);
  });

  test('counts the weights that are sent', async () => {
    await loadBackend();
    const network = createNetwork(TEACHER_STAGE.model, [TASKS['hinge-points']], 1);
    const bytes = (encoding: Record<string, unknown>) =>
      workOf(campaignOf({}, { model: TEACHER_STAGE.model, encoding }), DEFAULT_TASKS, ASSUMPTIONS)[0]?.modelBytes;
    expect(bytes({})).toBe(network.parameters * 4);
    expect(bytes({ dtype: 'F16' })).toBe(network.parameters * 2);
    network.dispose();
  });

  test('counts predictions of stages without training', () => {
    const { stages } = campaignOf();
    const evaluate = { kind: 'evaluate', name: 'evaluate', models: { a: TEACHER_STAGE.name, b: TEACHER_STAGE.name } };
    const both = workOf(
      campaignSchema.parse({ ...campaignOf(), stages: [...stages, evaluate] }),
      DEFAULT_TASKS,
      ASSUMPTIONS,
    )[1];
    // 250 mm at 3 mm are 83.3 voxels: five windows of 32 with a step of 16.
    const window = 1 / (BENCH.stepsPerSecond.unet * ASSUMPTIONS.gpuRatio) / 3;
    expect(both?.gpuSeconds).toBeCloseTo(50 * 2 * 5 ** 3 * window, 10);
  });
});

describe('the cost of an idle month', () => {
  test('is less than that of an always-on server for eight hospitals, and more for 64', () => {
    expect(estimate(8).idle.usd).toBeLessThan(estimate(8).server.usd);
    expect(estimate(64).idle.usd).toBeGreaterThan(estimate(64).server.usd);
  });

  test.each([
    ['in one account', []],
    ['one of them in its own account', [{ account: '444455556666', region: 'eu-central-1' }]],
    ['two of them on-premises', FEDERATION.sites.slice(-2)],
  ])('counts what the stacks of three sites have, %s', (_, places) => {
    const federation = federationSchema.parse({
      ...FEDERATION,
      sites: [0, 1, 2].map((i) => ({ ...places[i], id: `site-${i}`, name: String(i) })),
    });
    const resources = synthesizeAll(federation).flatMap(({ template }) =>
      Object.values((template as { Resources: Record<string, { Type: string; Properties?: object }> }).Resources),
    );
    const count = (type: string, has: (properties: object) => boolean = () => true) =>
      resources.filter(({ Type, Properties }) => Type === type && has(Properties ?? {})).length;
    const { lines } = estimateCost(federation, campaignOf(), ASSUMPTIONS, PRICES).idle;
    const of = (name: string) => lines.find(({ what }) => what === name)?.quantity ?? 0;
    const polled = of('polls of empty queues') / (5 * 3 * 60 * 730);
    expect({
      keys: of('keys'),
      alarms: of('alarms'),
      dashboards: of('dashboard'),
      endpoints: of('interface endpoints, one zone') / 730,
      polled: Math.round(polled),
    }).toEqual({
      keys: count('AWS::KMS::Key'),
      alarms: count('AWS::CloudWatch::Alarm'),
      dashboards: count('AWS::CloudWatch::Dashboard'),
      endpoints: count(
        'AWS::EC2::VPCEndpoint',
        (endpoint) => 'VpcEndpointType' in endpoint && endpoint.VpcEndpointType === 'Interface',
      ),
      // The machine of an on-premises site polls with one connection, not with Lambda's five.
      polled:
        count('AWS::Lambda::EventSourceMapping') + Math.round(places.filter((site) => 'place' in site).length / 5),
    });
  });

  test('of a federation that is all on-premises has no storage of cases and no GPU', () => {
    const sites = FEDERATION.sites.filter(({ place }) => place === 'on-premises');
    const { idle, campaign, clients } = estimateCost({ ...FEDERATION, sites }, campaignOf(), ASSUMPTIONS, PRICES);
    const names = [...idle.lines, ...campaign.lines].map(({ what }) => what).join();

    expect(names).not.toMatch(/GPU,|cases|checkpoints|rescans/);
    expect(names).toContain('models to on-premises sites');
    for (const { usd } of [idle, campaign, clients]) expect(Number.isFinite(usd)).toBe(true);
  });

  test('is the sum of its lines', () => {
    for (const { lines, usd } of [estimate(8).idle, estimate(8).campaign, estimate(8).server, estimate(8).clients]) {
      expect(lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0)).toBeCloseTo(usd, 10);
    }
  });
});

describe('fedcardio cost', { concurrent: true }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fedcardio-cost-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('prints the figures of docs/cost.md', async () => {
    const { code, stdout } = await runCommand(['cost', 'examples/paper/federation.json'], ROOT);
    expect(code).toBe(0);
    const shown = /```text\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/cost.md'), 'utf8'))?.[1];
    expect(shown).toBe(stdout);
  });

  test('accepts prices in the format that it prints', async () => {
    const { stdout } = await runCommand(['cost', 'examples/paper/federation.json', '--json'], ROOT);
    const { prices, idle } = JSON.parse(stdout);
    const file = join(folder, 'prices.json');
    await writeFile(file, JSON.stringify({ ...prices, region: 'eu-central-1', keyMonth: 2 }));
    const other = await runCommand(['cost', 'examples/paper/federation.json', '--json', '--prices', file], ROOT);
    // Three keys of each of eight sites, four of the federation, one of the network.
    expect(JSON.parse(other.stdout).idle.usd - idle.usd).toBeCloseTo(29, 6);
  });

  test('names an instance type without a price', async () => {
    const { stdout } = await runCommand(['cost', 'examples/paper/federation.json', '--json'], ROOT);
    const { 'g5.xlarge': _, ...instanceHour } = JSON.parse(stdout).prices.instanceHour;
    const file = join(folder, 'fewer.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(stdout).prices, instanceHour }));
    const { code, stderr } = await runCommand(['cost', 'examples/paper/federation.json', '--prices', file], ROOT);
    expect(stderr).toContain('do not include g5.xlarge');
    expect(code).toBe(1);
  });

  test('prints help', async () => {
    const { code, stdout } = await runCommand(['cost', '--help'], ROOT);
    expect(stdout).toContain('--gpu-ratio <n>');
    expect(code).toBe(0);
  });

  test.each([
    [['cost', 'none.json'], 1, 'There is no such file, folder or program at none.json'],
    [['cost', 'package.json'], 1, 'package.json: '],
    [['cost', 'examples/paper/federation.json', '--gpu-ratio', '0'], 2, 'above 0'],
  ])('answers %j', async (args, code, reason) => {
    const result = await runCommand(args, ROOT);
    expect(result.stderr).toContain(reason);
    expect(result.code).toBe(code);
  });
});

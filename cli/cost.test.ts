import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from '../cdk/isolation/example-federation.ts';
import { type Campaign, campaignSchema, type Federation, federationSchema } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { TEACHER_STAGE } from '../lib/federation/testing.ts';
import { createNetwork } from '../lib/models/network.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { estimateCost } from './cost/estimate.ts';
import { withOwnAccounts } from './cost/federation.ts';
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
    ['twice for the steps of a personal model', { algorithm: { name: 'ditto', lambda: 1 } }, 2],
  ])('grows %s', (_, training, times) => {
    const of = (campaign: Campaign) => workOf(campaign, DEFAULT_TASKS, ASSUMPTIONS)[0]?.gpuSeconds ?? 0;
    expect(of(campaignOf(training)) / of(campaignOf())).toBeCloseTo(times, 10);
  });

  test('counts the weights that are sent', async () => {
    await loadBackend();
    const network = createNetwork(TEACHER_STAGE.model, [TASKS['hinge-points']], 1);
    const bytes = (encoding: Record<string, unknown>, training: Record<string, unknown> = {}) =>
      workOf(campaignOf(training, { model: TEACHER_STAGE.model, encoding }), DEFAULT_TASKS, ASSUMPTIONS)[0]?.modelBytes;
    expect(bytes({})).toBe(network.parameters * 4);
    expect(bytes({ dtype: 'F16' })).toBe(network.parameters * 2);
    expect(bytes({}, { algorithm: { name: 'scaffold' } })).toBe(2 * network.parameters * 4);
    const heads = [...network.variables].filter(([name]) => name.startsWith('head.'));
    const headValues = heads.reduce((sum, [, { size }]) => sum + size, 0);
    expect(bytes({}, { algorithm: { name: 'fedper' } })).toBe((network.parameters - headValues) * 4);
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

/** As `fedcardio cost` computes it, in the regions of the example. */
const idleOf = (federation: Federation) => estimateCost(federation, campaignOf(), ASSUMPTIONS, PRICES);
const withoutCases = ({ accounts }: ReturnType<typeof idleOf>) => accounts.map(({ usd, cases }) => usd - cases);

describe('the cost of an idle month', () => {
  test("is at most 15 USD for eight sites in one account, without their cases' storage", () => {
    const [usd] = withoutCases(estimate(8));

    expect(usd).toBeLessThanOrEqual(15);
    expect(estimate(8).accounts).toHaveLength(1);
  });

  test('is at most 5 USD for a site in its own account, and 7.30 more in another region', () => {
    const own = withOwnAccounts(federationOf(8));
    const far = { ...own, sites: own.sites.map((site) => ({ ...site, region: 'eu-west-1' })) };

    for (const usd of withoutCases(idleOf(own)).slice(1)) expect(usd).toBeLessThanOrEqual(5);
    expect((withoutCases(idleOf(far))[1] ?? 0) - (withoutCases(idleOf(own))[1] ?? 0)).toBeCloseTo(7.3, 10);
  });

  test('is the sum of its accounts', () => {
    const estimates = [estimate(8), idleOf(FEDERATION), idleOf(withOwnAccounts(FEDERATION))];
    for (const { idle, accounts } of estimates) {
      expect(accounts.reduce((sum, { usd }) => sum + usd, 0)).toBeCloseTo(idle.usd, 10);
    }
  });

  test('is less than that of an always-on server, for 64 hospitals too', () => {
    for (const sites of [8, 64]) expect(estimate(sites).idle.usd).toBeLessThan(estimate(sites).server.usd);
  });

  const OWN = { account: '444455556666', region: 'eu-central-1' };
  const FAR = { ...OWN, region: 'eu-west-1', image: FEDERATION.sites[2]?.image };
  test.each([
    ['in one account', {}, []],
    ['one of them in its own account', {}, [OWN]],
    ['one of them in another region', {}, [FAR]],
    ['two of them on-premises', {}, FEDERATION.sites.slice(-2)],
    ['with a key for each bucket', { encryption: 'key-per-bucket' }, [OWN, FEDERATION.sites[3]]],
    ['without keys', { encryption: 's3-managed' }, [FAR]],
    ['one with keys of its own', {}, [{ encryption: 'key-per-bucket' }]],
    ['one of them, in its own account, without keys', {}, [{ ...OWN, encryption: 's3-managed' }]],
    ['without a dashboard', { dashboard: false }, []],
  ])('counts what the stacks of three sites have, %s', (_, options, places) => {
    const federation = federationSchema.parse({
      ...FEDERATION,
      ...options,
      sites: [0, 1, 2].map((i) => ({ ...places[i], id: `site-${i}`, name: String(i) })),
    });
    const resources = synthesizeAll(federation).flatMap(({ template }) =>
      Object.values((template as { Resources: Record<string, { Type: string; Properties?: object }> }).Resources),
    );
    const of = (type: string) => resources.filter(({ Type }) => Type === type).map(({ Properties = {} }) => Properties);
    // CloudWatch bills an alarm of a formula for each metric in it.
    const metricsOf = (alarm: { readonly Metrics?: readonly { readonly MetricStat?: unknown }[] }) =>
      alarm.Metrics?.filter(({ MetricStat }) => MetricStat).length ?? 1;
    const { lines } = idleOf(federation).idle;
    const quantity = (name: string) => lines.find(({ what }) => what === name)?.quantity ?? 0;
    const polled = quantity('polls of empty queues') / (5 * 3 * 60 * 730);
    expect({
      keys: quantity('keys'),
      alarms: quantity('metrics of alarms'),
      dashboards: quantity('dashboard'),
      endpoints: quantity('interface endpoints to S3 of another region') / 730,
      networks: quantity('endpoints: schedule') / (12 * 730),
      sites: quantity('rescans: schedule') / 730,
      polled: Math.round(polled),
    }).toEqual({
      keys: of('AWS::KMS::Key').length,
      alarms: of('AWS::CloudWatch::Alarm').reduce((sum, alarm) => sum + metricsOf(alarm), 0),
      dashboards: of('AWS::CloudWatch::Dashboard').length,
      endpoints: of('AWS::EC2::VPCEndpoint').filter(
        (endpoint) => 'VpcEndpointType' in endpoint && endpoint.VpcEndpointType === 'Interface',
      ).length,
      networks: of('AWS::EC2::VPC').length,
      sites: of('AWS::S3::Bucket').length / 2 - 1,
      // The machine of an on-premises site polls with one connection, not with Lambda's five.
      polled:
        of('AWS::Lambda::EventSourceMapping').length +
        Math.round(federation.sites.filter(({ place }) => place === 'on-premises').length / 5),
    });
  });

  test('of a federation that is all on-premises has no storage of cases and no GPU', () => {
    const sites = FEDERATION.sites.filter(({ place }) => place === 'on-premises');
    const { idle, campaign, clients } = estimateCost({ ...FEDERATION, sites }, campaignOf(), ASSUMPTIONS, PRICES);
    const names = [...idle.lines, ...campaign.lines].map(({ what }) => what).join();

    expect(names).not.toMatch(/GPU,|cases|checkpoints|rescans|interface endpoints/);
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
    const own = await runCommand(['cost', 'examples/paper/federation.json', '--own-accounts'], ROOT);
    expect([code, own.code]).toEqual([0, 0]);
    const shown = [...readFileSync(join(ROOT, 'docs/cost.md'), 'utf8').matchAll(/```text\n([\s\S]*?)```/g)];
    expect(shown[0]?.[1]).toBe(stdout);
    expect(shown[1]?.[1]).toBe(
      own.stdout.slice(own.stdout.indexOf('The idle month by account'), own.stdout.indexOf('\nHow each')),
    );
  });

  test('warns of regions without prices of their own', async () => {
    const file = join(folder, 'federation.json');
    await writeFile(file, JSON.stringify(FEDERATION));

    const { stdout } = await runCommand(['cost', file], ROOT);

    expect(stdout).toContain('Warning: eu-central-1, eu-west-1 may cost up to a third more in Europe');
  });

  test('accepts prices in the format that it prints', async () => {
    const { stdout } = await runCommand(['cost', 'examples/paper/federation.json', '--json'], ROOT);
    const { prices, idle } = JSON.parse(stdout);
    const file = join(folder, 'prices.json');
    await writeFile(file, JSON.stringify({ ...prices, region: 'eu-central-1', keyMonth: 2 }));
    const other = await runCommand(['cost', 'examples/paper/federation.json', '--json', '--prices', file], ROOT);
    // One key of the account.
    expect(JSON.parse(other.stdout).idle.usd - idle.usd).toBeCloseTo(1, 6);
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

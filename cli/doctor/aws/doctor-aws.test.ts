import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { StackTemplate } from '../../../cdk/synthesize.ts';
import { synthesizeStacks } from '../../../cdk/synthesize-stacks.ts';
import type { Federation } from '../../../lib/federation/schemas.ts';
import { topologyOf } from '../../../lib/federation/topology.ts';
import { type FakeAccount, type FakeStack, readyAccount, startFakeAws } from '../../../test/helpers/fake-aws.ts';
import { runCommand } from '../../testing.ts';
import type { Finding } from '../finding.ts';
import { checkAws } from './check-aws.ts';
import { checkSubnetZones } from './hosts.ts';
import { needsOf, text } from './plan.ts';
import { checkConcurrency, checkCount, checkFunctionMemory, checkVcpus, vcpuNeeds } from './quotas.ts';
import { checkBucketName, checkStack, checkVersion } from './stacks.ts';

const AT = { account: '111122223333', region: 'eu-central-1' };
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  ...AT,
  sites: [
    { id: 'bonn', name: 'Bonn' },
    { id: 'jena', name: 'Jena' },
  ],
};
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-doctor-aws-'));
let stacks: readonly StackTemplate[];
const open: { close(): Promise<void> }[] = [];

beforeAll(() => {
  stacks = synthesizeStacks(topologyOf(FEDERATION));
  vi.stubEnv('AWS_REGION', AT.region);
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
}, 60_000);
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function serve(account: FakeAccount) {
  const fake = await startFakeAws(account);
  open.push(fake);
  return fake;
}

async function findings(account: FakeAccount, federation = FEDERATION): Promise<readonly Finding[]> {
  const { endpoint } = await serve(account);
  return (await checkAws(federation, { endpoint, profiles: [] })).flatMap((report) => report.findings);
}

const gpuOf = (gpu: Federation['sites'][number]['gpu']): Federation => ({
  ...FEDERATION,
  sites: [{ id: 'bonn', name: 'Bonn', gpu }],
});

const about = (found: readonly Finding[], check: string) => found.filter((finding) => finding.check.startsWith(check));
const quotas = (code: string, value: number) => ({ quotas: { ...readyAccount().quotas, [code]: value } });
const problems = (found: readonly Finding[]) => found.filter(({ status }) => status === 'failed');

/** Every stack as this checkout would deploy it. */
const deployed = (status = 'CREATE_COMPLETE'): FakeStack[] =>
  stacks.map(({ stackName: name, template }) => {
    const resources = Object.values(
      (template as { Resources: Record<string, { Type: string; Properties?: object }> }).Resources,
    );
    return {
      name,
      status,
      template,
      resources: resources.map(({ Type, Properties }, index) => ({
        type: Type,
        physicalId: text((Properties as { BucketName?: unknown } | undefined)?.BucketName, AT) ?? `${name}-${index}`,
      })),
    };
  });

function deployedAccount(): FakeAccount {
  const ready = readyAccount();
  const needs = needsOf(stacks, AT);
  return {
    ...ready,
    stacks: [...ready.stacks, ...deployed()],
    buckets: Object.fromEntries(needs.buckets.map((bucket) => [bucket, 'own' as const])),
    images: Object.fromEntries(
      needs.images.map((image) => [image.split('/').slice(1).join('/'), `sha256:${'a'.repeat(64)}`]),
    ),
    vpcs: ready.vpcs + needs.count('AWS::EC2::VPC'),
    environments: needs.count('AWS::Batch::ComputeEnvironment'),
    jobQueues: needs.count('AWS::Batch::JobQueue'),
    functions: { concurrent: 1000, unreserved: 1000 - needs.reservedConcurrency },
  };
}

describe('doctor --aws, against a fake of AWS with the real SDK', () => {
  test('finds nothing that would stop a deployment in an account that is ready', async () => {
    const found = await findings(readyAccount());

    expect(problems(found)).toEqual([]);
    expect(about(found, 'stacks')[0]).toMatchObject({ status: 'skipped' });
    expect(about(found, 'image')[0]).toMatchObject({ status: 'warning', found: expect.stringContaining('yet') });
    expect(about(found, 'bucket heart-federation')[0]).toMatchObject({ status: 'ok', found: 'the name is free' });
  }, 60_000);

  test('finds a deployment as it should be, except that nobody is subscribed to alarms', async () => {
    const found = await findings(deployedAccount());

    expect(problems(found)).toEqual([]);
    const told = found.filter(({ status }) => status === 'warning').map(({ check }) => check);
    expect(told.every((check) => check.startsWith('alarms of') || check === 'memory of functions')).toBe(true);
    expect(about(found, 'version of heart-site-bonn-data')[0]).toMatchObject({ status: 'ok' });
    expect(about(found, 'image')[0]?.found).toContain('sha256:aaaa');
  }, 60_000);

  test.each<[string, Partial<FakeAccount>, string, Partial<Finding>, Federation?]>([
    ['no GPU on demand', quotas('ec2/L-DB2E81BA', 0), 'quota Running On-Demand G and VT', { status: 'failed' }],
    ['no GPU on spot hosts', quotas('ec2/L-3819A6DF', 0), 'quota All G and VT Spot', { status: 'warning' }],
    ['a GPU at a time', quotas('ec2/L-DB2E81BA', 4), 'quota Running On-Demand G and VT', { status: 'warning' }],
    ['five networks', { vpcs: 5 }, 'quota VPCs', { status: 'failed' }],
    ['50 compute environments', { environments: 50 }, 'compute environments', { status: 'failed' }],
    ['50 job queues', { jobQueues: 50 }, 'job queues', { status: 'failed' }],
    ['no role of Batch', { roles: [] }, 'role AWSServiceRoleForBatch', { status: 'warning' }],
    ['no bootstrap stack', { stacks: [] }, 'CDK bootstrap', { status: 'failed' }],
    [
      'an old bootstrap stack',
      { stacks: [{ name: 'CDKToolkit', status: 'CREATE_COMPLETE', outputs: { BootstrapVersion: '4' } }] },
      'CDK bootstrap',
      { status: 'failed', cure: expect.stringContaining('cdk bootstrap aws://111122223333/eu-central-1') },
    ],
    [
      "somebody else's bucket",
      { buckets: { 'heart-site-bonn': 'other' } },
      'bucket heart-site-bonn',
      { status: 'failed', found: expect.stringContaining('another AWS account') },
    ],
    [
      'a bucket of a failed deployment',
      { buckets: { 'heart-site-bonn': 'own' } },
      'bucket heart-site-bonn',
      { status: 'failed', found: expect.stringContaining('already exists') },
    ],
    [
      'a stack that was rolled back',
      { stacks: [{ name: 'heart-site-bonn-data', status: 'ROLLBACK_COMPLETE' }] },
      'stack heart-site-bonn-data',
      { status: 'failed', cure: expect.stringContaining('delete the stack') },
    ],
    [
      'a stack of a site that left',
      { stacks: [{ name: 'heart-site-kiel-data', status: 'CREATE_COMPLETE' }] },
      'stack heart-site-kiel-data',
      { status: 'warning' },
    ],
    [
      'no such hosts in the zones',
      { zones: { 'eu-central-1a': ['c6i.xlarge'], 'eu-central-1b': [], 'eu-central-1c': ['g5.xlarge'] } },
      'instance types g5',
      { status: 'failed', found: expect.stringContaining('g5.xlarge only in eu-central-1c') },
    ],
    [
      'a job that fits on no host',
      {},
      'job on g5.xlarge, g6.xlarge',
      { status: 'failed', found: expect.stringContaining('g6.xlarge has 4 vCPUs') },
      gpuOf({ instanceTypes: ['g5.xlarge', 'g6.xlarge'], vcpus: 8, maxVcpus: 16 }),
    ],
    [
      'hosts with other processors than the image',
      { zones: { 'eu-central-1a': ['g5.xlarge', 'g5g.xlarge', 'c6i.xlarge'], 'eu-central-1b': ['c5.xlarge'] } },
      'job on g5.xlarge, g5g.xlarge',
      { status: 'warning', found: expect.stringContaining('g5g.xlarge is arm64') },
      gpuOf({ instanceTypes: ['g5.xlarge', 'g5g.xlarge'] }),
    ],
    [
      'endpoints that could not be made',
      { stacks: [{ name: 'heart-network-endpoints', status: 'ROLLBACK_COMPLETE' }] },
      'stack heart-network-endpoints',
      { status: 'warning', found: expect.stringContaining('made by a function') },
    ],
    ['no budget', { budgets: [] }, 'budget', { status: 'warning' }],
  ])('%s', { timeout: 60_000 }, async (_, change, check, expected, federation) => {
    const [finding] = about(await findings({ ...readyAccount(), ...change }, federation), check);

    expect(finding).toMatchObject(expected);
    expect(finding?.cure).toBeDefined();
  });

  test('knows the stack that a function makes, and warns of subnets that would change their zones', async () => {
    const account = deployedAccount();
    account.stacks.push({ name: 'heart-network-endpoints', status: 'CREATE_COMPLETE' });

    const same = await findings(account, { ...FEDERATION, zones: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'] });
    const moved = await findings(account, { ...FEDERATION, zones: ['eu-central-1b', 'eu-central-1c'] });

    expect(about(same, 'stack heart-network-endpoints')).toMatchObject([{ status: 'ok' }]);
    expect(about(same, 'zones of heart-network')).toMatchObject([{ status: 'ok' }]);
    expect(about(moved, 'zones of heart-network')).toMatchObject([
      { status: 'warning', found: expect.stringContaining('eu-central-1a, eu-central-1b would move to') },
    ]);
  }, 120_000);

  test('an identity that may do nothing gets a finding for each refusal, and no crash', async () => {
    const account = readyAccount();
    account.denied = [
      'GetServiceQuota',
      'GetAccountSettings',
      'GetRole',
      'DescribeStacks',
      'DescribeVpcs',
      'HeadBucket',
      'ListBuckets',
      'DescribeAvailabilityZones',
      'DescribeComputeEnvironments',
      'DescribeImages',
      'DescribeBudgets',
    ];

    const found = await findings(account);

    expect(problems(found)).toEqual([]);
    for (const check of [
      'stacks',
      'quota VPCs',
      'role AWSServiceRoleForECS',
      'budget',
      'image',
      'instance types',
      'bucket heart-federation',
    ]) {
      expect(about(found, check)[0]).toMatchObject({
        status: 'warning',
        found: expect.stringContaining('may not use'),
      });
    }
  }, 60_000);

  test('a stack whose template or resources may not be read is still checked', async () => {
    const account = deployedAccount();
    account.denied = ['ListStackResources', 'GetTemplate'];

    const found = await findings(account);

    expect(about(found, 'stack heart-federation-data')[0]).toMatchObject({ status: 'ok' });
    expect(about(found, 'stacks').map(({ status }) => status)).toEqual(['warning', 'warning']);
  }, 60_000);

  test('an account without an identity, and a region that is not enabled', async () => {
    const sites = [{ id: 'bonn', name: 'Bonn', account: '444455556666', region: 'eu-central-1' }];
    const elsewhere = { ...FEDERATION, sites: [...sites, { id: 'jena', name: 'Jena' }] };
    const { endpoint } = await serve({ ...readyAccount(), region: 'eu-central-1' });

    const reports = await checkAws(elsewhere, { endpoint, profiles: [] });
    expect(reports.find(({ place }) => place === '444455556666/eu-central-1')?.findings).toEqual([
      expect.objectContaining({ status: 'skipped', found: expect.stringContaining('--profile') }),
    ]);
    const south = await findings(
      { ...readyAccount(), region: 'eu-central-1' },
      { ...FEDERATION, region: 'eu-south-2' },
    );
    expect(south).toEqual([
      expect.objectContaining({ check: 'credentials', status: 'failed', cure: expect.stringContaining('enable it') }),
    ]);
  }, 60_000);

  test('the command prints a report for each place, and JSON', async () => {
    const file = join(folder, 'federation.json');
    writeFileSync(file, JSON.stringify(FEDERATION));
    const { endpoint } = await serve({ ...readyAccount(), budgets: [] });

    const shown = await runCommand(['doctor', '--aws', file, '--endpoint', endpoint]);
    const printed = await runCommand(['doctor', '--aws', file, '--endpoint', endpoint, '--json']);

    expect(shown).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^111122223333\/eu-central-1\n[✓!–] credentials/),
    });
    expect(shown.stdout).toMatch(/! budget .*\n +→ Create one/);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      schema: 'fedcardio.doctor-aws/1',
      status: 'warning',
      federation: 'heart',
    });
    const missing = await runCommand(['doctor', '--aws', join(folder, 'no.json'), '--endpoint', endpoint]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be read') });
  }, 60_000);
});

describe('each judgement', () => {
  const ENVIRONMENT = { isSpot: true, instanceTypes: ['g5.xlarge'], maxVcpus: 8 };
  test('vCPUs are counted by family, spot and on demand apart', () => {
    const needs = vcpuNeeds([
      ENVIRONMENT,
      { ...ENVIRONMENT, instanceTypes: ['g6.2xlarge'], maxVcpus: 16 },
      { ...ENVIRONMENT, isSpot: false, instanceTypes: ['c6i.2xlarge'], maxVcpus: 8 },
      { ...ENVIRONMENT, isSpot: false, instanceTypes: ['p4d.24xlarge'], maxVcpus: 96 },
    ]);

    expect(needs.map(({ code, least, most }) => [code, least, most])).toEqual([
      ['L-3819A6DF', 4, 24],
      ['L-417A185B', 96, 96],
      ['L-1216C47A', 8, 8],
    ]);
    expect(checkVcpus(needs[0] as never, undefined).status).toBe('warning');
    expect(checkVcpus(needs[0] as never, 24).status).toBe('ok');
  });

  test('concurrency that is reserved already is not needed again', () => {
    const needs = { reservedConcurrency: 40, concurrency: 40 };

    expect(checkConcurrency(needs, { concurrent: 1000, unreserved: 1000 }, 0).status).toBe('ok');
    expect(checkConcurrency(needs, { concurrent: 150, unreserved: 110 }, 40).status).toBe('ok');
    expect(checkConcurrency(needs, { concurrent: 130, unreserved: 130 }, 0)).toMatchObject({
      status: 'failed',
      cure: expect.stringContaining('--desired-value 140'),
    });
  });

  test('functions that cannot all run at once wait for each other', () => {
    const needs = needsOf(stacks, AT);

    expect(needs.concurrency).toBe(11 + 2 * 10 + 1);
    expect(checkConcurrency(needs, { concurrent: 32, unreserved: 32 }, 0).status).toBe('ok');
    expect(checkConcurrency(needs, { concurrent: 10, unreserved: 10 }, 0)).toMatchObject({
      status: 'warning',
      cure: expect.stringContaining('--desired-value 1000'),
    });
  });

  test('subnets that are named by zone may get others after them, and none in between', () => {
    const zones = (...all: string[]) => new Map(all.map((zone, index) => [`Subnet${index}`, zone]));
    const check = (planned: ReadonlyMap<string, string>) =>
      checkSubnetZones('n', planned, zones('1a', '1b'), []).status;

    expect(check(zones('1a', '1b', '1c'))).toBe('ok');
    expect(check(zones('1a'))).toBe('ok');
    expect(check(zones('1b', '1c'))).toBe('failed');
    expect(check(zones('1b', '1a'))).toBe('failed');
  });

  test('own resources do not count as those of others', () => {
    const limit = { check: 'x', used: 50, own: 10, needed: 10, limit: 50, cure: 'x' };

    expect(checkCount(limit).status).toBe('ok');
    expect(checkCount({ ...limit, needed: 11 }).status).toBe('failed');
    expect(checkCount({ ...limit, limit: undefined }).status).toBe('skipped');
  });

  test('memory, names, states and versions', () => {
    expect(checkFunctionMemory({ name: 'f', memoryMb: 3008 }).status).toBe('ok');
    expect(checkFunctionMemory({ name: 'f', memoryMb: 3009 }).status).toBe('warning');
    expect(checkBucketName('b', 'nobody', true).status).toBe('failed');
    const stack = {
      name: 's',
      status: 'UPDATE_COMPLETE',
      reason: undefined,
      drift: undefined,
      changed: undefined,
      outputs: {},
    };
    expect(checkStack('s', { ...stack, drift: 'DRIFTED' }).status).toBe('warning');
    expect(checkStack('s', { ...stack, status: 'UPDATE_IN_PROGRESS' }).status).toBe('warning');
    expect(checkStack('s', { ...stack, status: 'UPDATE_ROLLBACK_FAILED' }).status).toBe('failed');
    const template = (memory: number, key: string) => ({
      Resources: { F: { Type: 'AWS::Lambda::Function', Properties: { MemorySize: memory, Code: { S3Key: key } } } },
    });
    expect(checkVersion({ stackName: 's', template: template(1, 'a') }, template(1, 'b')).status).toBe('ok');
    expect(checkVersion({ stackName: 's', template: template(1, 'a') }, template(2, 'a')).status).toBe('warning');
  });
});

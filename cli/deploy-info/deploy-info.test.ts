import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, federationSchema } from '../../lib/federation/schemas.ts';
import { readyAccount, startFakeAws } from '../../test/helpers/fake-aws.ts';
import { runCommand } from '../testing.ts';
import { deploymentOf, type StackOutputs } from './deployment.ts';
import { handoverText } from './handover.ts';

const FEDERATION: Federation = federationSchema.parse({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  account: '111122223333',
  region: 'eu-central-1',
  sites: [
    { id: 'bonn', name: 'Bonn' },
    { id: 'jena', name: 'Jena', account: '444455556666', region: 'eu-central-1' },
    { id: 'kiel', name: 'Kiel', place: 'on-premises', principal: 'arn:aws:iam::444455556666:root' },
  ],
});
const UPLOAD = 'arn:aws:iam::111122223333:role/heart-bonn-upload';
const STACKS: StackOutputs = {
  'heart-site-bonn-data': { Bucket: 'heart-site-bonn', IntakeQueueUrl: 'https://sqs/heart-bonn-intake' },
  'heart-site-bonn-compute': { UploadRoleArn: UPLOAD, AlarmTopicArn: 'arn:aws:sns:x' },
  'heart-federation-data': { Bucket: 'heart-federation' },
  'heart-images': { RepositoryUri: '111122223333.dkr.ecr/heart/tasks' },
  'heart-federation-compute': { PublishOutputRefX: 'only for other stacks' },
  'heart-observability': { DashboardUrl: 'https://console' },
  'heart-site-kiel-compute': { RoleArn: 'arn:aws:iam::111122223333:role/heart-kiel-machine' },
  'other-stack': { Bucket: 'not-ours' },
};
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-deploy-info-'));
const file = join(folder, 'federation.json');
let fake: Awaited<ReturnType<typeof startFakeAws>>;

beforeAll(async () => {
  writeFileSync(file, JSON.stringify(FEDERATION));
  const stacks = Object.entries(STACKS).map(([name, outputs]) => ({ name, status: 'CREATE_COMPLETE', outputs }));
  fake = await startFakeAws({ ...readyAccount(), stacks });
});
afterAll(async () => {
  await fake.close();
  rmSync(folder, { recursive: true });
});

describe('what was deployed', () => {
  test('belongs to the coordinator or to a site; what is missing is named', () => {
    const [coordinator, bonn, jena] = deploymentOf(FEDERATION, STACKS);

    expect(coordinator).toEqual({
      site: undefined,
      account: '111122223333',
      region: 'eu-central-1',
      outputs: {
        Bucket: 'heart-federation',
        RepositoryUri: '111122223333.dkr.ecr/heart/tasks',
        DashboardUrl: 'https://console',
      },
      missing: [],
    });
    expect(bonn?.outputs.UploadRoleArn).toBe(UPLOAD);
    expect(jena).toMatchObject({
      account: '444455556666',
      outputs: {},
      missing: ['heart-site-jena-data', 'heart-site-jena-compute'],
    });
  });

  test('is handed over to a hospital with a profile and commands, by what it has', () => {
    const parts = deploymentOf(FEDERATION, STACKS);
    const [bonn, jena, kiel] = FEDERATION.sites.map((site, index) =>
      handoverText(FEDERATION, site, parts[index + 1] as never),
    );

    expect(bonn).toContain(
      `[profile heart-bonn]\nrole_arn = ${UPLOAD}\nsource_profile = <yours>\nregion = eu-central-1`,
    );
    expect(bonn).toContain('npx fedcardio site upload bonn CASES --federation heart');
    expect(bonn).not.toContain('withdraw');
    expect(jena).toContain('site invite jena');
    expect(jena).toContain('heart-site-jena-data');
    expect(kiel).toContain('RoleArn: arn:aws:iam::111122223333:role/heart-kiel-machine');
    expect(kiel).toContain('site run kiel');
  });
});

describe('the command', () => {
  const info = (...args: string[]) => runCommand(['deploy-info', '--federation', file, ...args]);

  test('asks CloudFormation, and says what is missing and which account it cannot see', async () => {
    const { code, stdout, stderr } = await info('--endpoint', fake.endpoint);

    expect(code).toBe(1);
    expect(stderr).toContain('No identity of account 444455556666: add --profile');
    expect(stdout).toMatch(/^Coordinator in 111122223333, eu-central-1\n {2}output/);
    expect(stdout).toMatch(/UploadRoleArn +arn:aws:iam::111122223333:role\/heart-bonn-upload/);
    expect(stdout).not.toMatch(/not-ours|PublishOutput/);
  });

  test('reads the file of cdk deploy instead', async () => {
    const outputs = join(folder, 'outputs.json');
    writeFileSync(outputs, JSON.stringify(STACKS));

    const all = await info('--outputs', outputs, '--json');
    expect(JSON.parse(all.stdout)).toMatchObject({ schema: 'fedcardio.deploy-info/1', federation: 'heart' });
    const bonn = await info('--outputs', outputs, '--site', 'bonn');
    expect(bonn).toMatchObject({ code: 0, stdout: expect.stringContaining('[profile heart-bonn]') });
    const wrong = await info('--outputs', outputs, '--site', 'bon');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('Did you mean "bonn"?') });
    writeFileSync(outputs, '[]');
    expect(await info('--outputs', outputs)).toMatchObject({ code: 1, stderr: expect.stringContaining(outputs) });
  });
}, 60_000);

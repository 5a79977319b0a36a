import { DescribeJobDefinitionsCommand } from '@aws-sdk/client-batch';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from '../../cdk/isolation/example-federation.ts';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { Federation, Site } from '../../lib/federation/schemas.ts';
import { ADAPTATIONS, type Adaptation } from './adaptations.ts';
import { Cloud } from './cloud.ts';
import { type Moto, startMoto } from './moto.ts';
import { python } from './python.ts';
import { templateOf } from './templates.ts';

/** What moto skips. It is checked by cfn-lint, checkov and the simulated policies only. */
const SKIPPED = [
  'AWS::CloudWatch::Alarm',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::RolesAnywhere::Profile',
  'AWS::RolesAnywhere::TrustAnchor',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::Schedule',
];

const linz: Site = { id: 'linz', name: 'Linz', uploaders: ['arn:aws:iam::999900001111:role/radiology'] };
const withSites = (sites: readonly Site[]): Federation => ({ ...FEDERATION, sites: [...sites] });

const all = synthesizeAll(FEDERATION);
const without = (stacks: readonly StackTemplate[], pattern: RegExp) =>
  stacks.filter(({ stackName }) => !pattern.test(stackName));
const only = (stacks: readonly StackTemplate[], pattern: RegExp) =>
  stacks.filter(({ stackName }) => pattern.test(stackName));

/** Stacks that outlive all others. */
const KEPT = /-(data|images|keys)\b/;

let moto: Moto;
let cloud: Cloud;
beforeAll(async () => {
  moto = await startMoto(python);
});
afterAll(() => moto.stop());
beforeEach(async () => {
  await moto.reset();
  cloud = new Cloud(moto.endpoint);
  return () => cloud.close();
});

test('every adaptation is needed', () => {
  const context = { account: '111122223333', region: 'eu-central-1', rollsBack: false, outputOf: () => 'value' };
  const changes = ({ apply }: Adaptation) =>
    all.some((stack) => JSON.stringify(apply(templateOf(stack), context)) !== JSON.stringify(stack.template));

  expect(ADAPTATIONS.filter((adaptation) => !changes(adaptation)).map(({ what }) => what)).toEqual([]);
});

/** Physical ids by stack and logical id. */
const resourcesOf = async (stacks: readonly StackTemplate[]) =>
  Object.fromEntries(
    await Promise.all(stacks.map(async (stack) => [stack.stackName, await cloud.resources(stack)] as const)),
  );

/** Physical ids of what holds data: buckets, queues, keys, image repositories, logs. */
const DATA = ['S3::Bucket', 'SQS::Queue', 'KMS::Key', 'ECR::Repository', 'Logs::LogGroup'].map(
  (type) => `AWS::${type}`,
);
const dataOf = async (stacks: readonly StackTemplate[]) => {
  const resources = await resourcesOf(stacks);
  return stacks.flatMap((stack) =>
    Object.entries(templateOf(stack).Resources)
      .filter(([, { Type }]) => DATA.includes(Type))
      .map(([id]) => `${stack.stackName}/${id}: ${resources[stack.stackName]?.[id]}`),
  );
};

describe('the stacks', () => {
  test('are created in their order, in two accounts and regions, but for the types that moto skips', async () => {
    await cloud.deploy(all);

    const types = new Set(all.flatMap((stack) => Object.values(templateOf(stack).Resources).map(({ Type }) => Type)));
    expect(SKIPPED.filter((type) => !types.has(type))).toEqual([]);
    expect([...moto.skipped].sort()).toEqual(SKIPPED);
  });

  test('are deployed again without a change', async () => {
    await cloud.deploy(all);
    const before = await resourcesOf(all);

    await cloud.deploy(all);

    expect(await resourcesOf(all)).toEqual(before);
  });

  test('keep all data and every stack of the others when a site joins', async () => {
    await cloud.deploy(all);
    const before = await dataOf(all);
    const sites = without(all, /observability|federation/);
    const others = await resourcesOf(sites);

    await cloud.deploy(synthesizeAll(withSites([...FEDERATION.sites, linz])));

    expect(await dataOf(all)).toEqual(before);
    expect(await resourcesOf(sites)).toEqual(others);
  });

  test('keep all data when the image changes, and start the new one', async () => {
    await cloud.deploy(all);
    const before = await dataOf(all);
    const image = '111122223333.dkr.ecr.eu-central-1.amazonaws.com/fedcardio:9.9.9';
    const next = synthesizeAll({ ...FEDERATION, image });

    await cloud.deploy(next);

    expect(await dataOf(next)).toEqual(before);
    const { jobDefinitions = [] } = await (await cloud.batch(next[0] as StackTemplate)).send(
      new DescribeJobDefinitionsCommand({ jobDefinitionName: 'heart-bonn', status: 'ACTIVE' }),
    );
    expect(jobDefinitions.map(({ containerProperties }) => containerProperties?.image)).toContain(image);
  });

  test('of a site that leaves are deleted, and its bucket and keys stay with all objects', async () => {
    await cloud.deploy(all);
    const ulm = only(all, /-site-ulm-/);
    const left = synthesizeAll(withSites(FEDERATION.sites.filter(({ id }) => id !== 'ulm')));
    const before = await dataOf(left);
    const object = { Bucket: 'heart-site-ulm', Key: 'cases/one/ct.nii.gz' };
    const s3 = await cloud.s3(ulm[0] as StackTemplate);
    await s3.send(new PutObjectCommand({ ...object, Body: 'CT' }));

    for (const stack of ulm.toReversed()) await cloud.delete(stack);
    await cloud.deploy(left);

    for (const stack of ulm) expect(await cloud.exists(stack), stack.stackName).toBe(false);
    await expect(s3.send(new HeadObjectCommand(object))).resolves.toMatchObject({ ContentLength: 2 });
    expect(await dataOf(left)).toEqual(before);
    // It joins again: its bucket has to be imported into the new stack.
    await expect(cloud.deploy(ulm)).rejects.toThrow(/heart-site-ulm-data: .*bucket name is not available/);
  });

  test('other than those of data, keys and images can be deleted and created again', async () => {
    await cloud.deploy(all);
    const data = only(all, KEPT);
    const rest = without(all, KEPT);
    const before = await dataOf(data);

    for (const stack of rest.toReversed()) await cloud.delete(stack);
    await cloud.deploy(rest);

    expect(await dataOf(data)).toEqual(before);
  });

  test('can each fail at the first deployment, and be deployed again', async () => {
    for (const stack of all) {
      await cloud.failAtFirst(stack);
      expect(await cloud.exists(stack), stack.stackName).toBe(false);
      await cloud.deploy([stack]);
    }

    for (const stack of all) expect(await cloud.exists(stack), stack.stackName).toBe(true);
  });
});

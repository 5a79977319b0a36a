import { describe, expect, test } from 'vitest';
import type { Federation } from '../lib/federation/schemas.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';
import { readWorld } from './isolation/world.ts';

/** Limits of AWS: template and resources (CloudFormation), bucket policy (S3), key policy (KMS), role policies (IAM), environment (Lambda). */
const TEMPLATE_BYTES = 1_000_000;
const RESOURCES = 500;
const BUCKET_POLICY_BYTES = 20_480;
const KEY_POLICY_BYTES = 32_768;
const ROLE_POLICY_BYTES = 10_240;
const ATTACHED_POLICY_BYTES = 6144;
const ATTACHED_POLICIES = 10;
const ENVIRONMENT_BYTES = 4096;

/** Ids are as long as those of real hospitals. */
const federationOf = (sites: number, accountOf: (index: number) => object = () => ({})): Federation => ({
  ...FEDERATION,
  id: 'fedcardio',
  sites: Array.from({ length: sites }, (_, index) => ({
    id: `universitaetsklinik-${String(index + 1).padStart(2, '0')}`,
    name: `Universitätsklinik ${index + 1}`,
    ...accountOf(index),
  })),
});
const own = (index: number) => ({ account: String(444_455_556_000 + index), region: 'eu-central-1' });
/** In three regions of one account: AWS Batch has room for 24 or 25 of them in each. */
const inThree = (index: number) => {
  const region = ['eu-central-1', 'eu-west-1', 'eu-north-1'][Math.floor(index / 24)] as string;
  const image = `111122223333.dkr.ecr.${region}.amazonaws.com/fedcardio:0.1.0`;
  return region === FEDERATION.region ? {} : { account: FEDERATION.account, region, image };
};
interface Properties {
  readonly Environment?: { readonly Variables?: unknown };
}

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe.for([
  ['1 site', federationOf(1)],
  ['8 sites', federationOf(8)],
  ['64 sites in three regions', federationOf(64, inThree)],
  ['25 sites, each in an account of its own', federationOf(25, own)],
] as const)('the stacks of %s', ([, federation]) => {
  const stacks = synthesizeAll(federation);

  test('stay within the limits of AWS', () => {
    for (const { stackName, template } of stacks) {
      const { Resources } = template as {
        readonly Resources: Readonly<Record<string, { Type: string; Properties?: Properties }>>;
      };
      // Templates are uploaded as JSON without spaces.
      expect(bytes(template), stackName).toBeLessThan(TEMPLATE_BYTES);
      expect(Object.keys(Resources).length, stackName).toBeLessThan(RESOURCES);
      for (const { Type, Properties } of Object.values(Resources)) {
        if (Type !== 'AWS::Lambda::Function') continue;
        expect(bytes(Properties?.Environment?.Variables ?? {}), stackName).toBeLessThan(ENVIRONMENT_BYTES);
      }
    }
  });

  test('have policies within the limits of AWS', () => {
    const world = readWorld(stacks);
    for (const [name, { policy }] of world.buckets) expect(bytes(policy), name).toBeLessThan(BUCKET_POLICY_BYTES);
    for (const [name, { policy }] of world.keys) expect(bytes(policy), name).toBeLessThan(KEY_POLICY_BYTES);
    for (const [name, { policies, attached }] of world.roles) {
      expect(attached.length, name).toBeLessThan(ATTACHED_POLICIES);
      expect(Math.max(0, ...attached.map(bytes)), name).toBeLessThan(ATTACHED_POLICY_BYTES);
      expect(
        policies.map(bytes).reduce((a, b) => a + b, 0),
        name,
      ).toBeLessThan(ROLE_POLICY_BYTES);
    }
  });
});

test('refuses more sites in one account than AWS Batch has job queues for', () => {
  expect(() => synthesizeAll(federationOf(64))).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIGURATION', message: expect.stringContaining('65 job queues') }),
  );
});

test('refuses more sites with accounts of their own than a bucket policy can hold, with the reason', () => {
  expect(() => synthesizeAll(federationOf(40, own))).toThrow(
    expect.objectContaining({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining('40 sites in accounts of their own'),
    }),
  );
});

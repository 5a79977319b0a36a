import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Encryption } from '../../lib/federation/schemas.ts';
import { FEDERATION_ROLES, SITE_ROLES } from '../../lib/federation/topology.ts';
import { isolationDocument } from './document.ts';
import { FEDERATION, synthesizeAll } from './example-federation.ts';
import { compareKeys, KEYED } from './key-tables.ts';
import { onKey, onObject, tableOf } from './matrix.ts';
import type { Statement } from './resolve.ts';
import { isAllowed } from './simulate.ts';
import { SITE_OBJECTS } from './subjects.ts';
import { callersOf, compareSite } from './tables.ts';
import { type EncryptionKey, type Role, readWorld, type World } from './world.ts';

const CHOICES: readonly Encryption[] = ['shared-key', 'key-per-bucket', 's3-managed'];
const worlds = new Map<Encryption, World>();
beforeAll(() => {
  for (const encryption of CHOICES) worlds.set(encryption, readWorld(synthesizeAll({ ...FEDERATION, encryption })));
});
const worldOf = (encryption: Encryption) => worlds.get(encryption) as World;
const keyOf = (world: World, alias: string) => world.keys.get(alias) as EncryptionKey;
const grants = ({ policy }: EncryptionKey): readonly Statement[] =>
  policy.Statement.filter(({ Action }) => Action !== 'kms:*');

describe('keys', () => {
  test('are one for each account and region by default, three for each bucket and two networks, or none', () => {
    const count = (encryption: Encryption) =>
      synthesizeAll({ ...FEDERATION, encryption })
        .flatMap(({ template }) =>
          Object.values((template as { Resources: Record<string, { Type: string }> }).Resources),
        )
        .filter(({ Type }) => Type === 'AWS::KMS::Key').length;

    expect(CHOICES.map(count)).toEqual([2, 3 * 3 + 2 * 2 + 3 + 2, 0]);
  });

  test.each(KEYED)('are allowed to each role as the design says, with %s', async (encryption) => {
    for (const [site, machine, other] of [
      ['bonn', 'kiel', 'ulm'],
      ['ulm', 'jena', 'graz'],
      ['graz', 'kiel', 'bonn'],
    ] as const) {
      const compared = await compareKeys(worldOf(encryption), encryption, { site, machine, other });
      for (const { title, expected, actual } of compared) expect(actual, title).toEqual(expected);
    }
  });

  test('match docs/security.md', async () => {
    const compared = [];
    for (const encryption of KEYED)
      compared.push(
        ...(await compareKeys(worldOf(encryption), encryption, { site: 'bonn', machine: 'kiel', other: 'ulm' })),
      );

    expect(readFileSync('docs/security.md', 'utf8'), 'The document is stale: run `npm run docs`.').toContain(
      isolationDocument(compared),
    );
  });

  // isolation.test.ts tests the default.
  test.each(['key-per-bucket', 's3-managed'] as const)(
    'change nothing else: objects and queues are as the design says, with %s',
    async (encryption) => {
      const world = worldOf(encryption);

      for (const { title, expected, actual } of await compareSite(world, 'bonn', 'ulm'))
        expect(actual, title).toEqual(expected);
    },
  );

  test.each(['key-per-bucket', 's3-managed'] as const)(
    "are no way into another site's bucket, with %s",
    async (encryption) => {
      const world = worldOf(encryption);
      const callers = { ...callersOf(world, 'heart-bonn', SITE_ROLES), ...callersOf(world, 'heart', FEDERATION_ROLES) };
      const table = await tableOf(world, onObject('heart-site-ulm'), SITE_OBJECTS, callers);

      expect(new Set(Object.values(table).flatMap((row) => Object.values(row)))).toEqual(new Set(['.']));
    },
  );
});

describe('after a change of the encryption', () => {
  const changes = CHOICES.flatMap((after) =>
    KEYED.flatMap((before) => (before === after ? [] : [[before, after] as const])),
  );
  /** Roles as deployed after the change, keys as they were before it. */
  const between = (before: Encryption, after: Encryption): World => ({ ...worldOf(after), keys: worldOf(before).keys });
  const role = (world: World, name: string) => world.roles.get(`heart-${name}`) as Role;

  test.each(changes)(
    'from %s to %s, roles read the objects of before, of their buckets alone',
    async (before, after) => {
      const world = between(before, after);
      const onBucket = (name: string, bucket: string) => onKey(world, role(world, name), `alias/heart-${bucket}`);

      for (const [name, bucket] of [
        ['bonn-task', 'site-bonn'],
        ['bonn-withdraw', 'site-bonn'],
        ['graz-task', 'site-graz'],
        ['bonn-task', 'federation'],
        ['graz-task', 'federation'],
        ['kiel-machine', 'federation'],
        ['aggregate', 'federation'],
        ['research', 'federation'],
      ] as const)
        expect(await onBucket(name, bucket), `${name}: ${bucket}`).toContain('d');
      for (const [name, bucket] of [
        ['bonn-task', 'site-ulm'],
        ['bonn-task', 'site-graz'],
        ['graz-task', 'site-bonn'],
        ['aggregate', 'site-bonn'],
        ['kiel-machine', 'site-bonn'],
      ] as const)
        expect(await onBucket(name, bucket), `${name}: ${bucket}`).toBe('.');
    },
  );

  test.each(['shared-key', 's3-managed'] as const)(
    'from key-per-bucket to %s, consumers receive the messages of before, and nobody else does',
    async (after) => {
      const world = between('key-per-bucket', after);
      const onQueue = (name: string, bucket: string) => onKey(world, role(world, name), `alias/heart-${bucket}-queues`);

      for (const [name, bucket] of [
        ['bonn-intake', 'site-bonn'],
        ['bonn-dispatch', 'site-bonn'],
        ['orchestrate', 'federation'],
        ['aggregate', 'federation'],
        ['kiel-machine', 'site-kiel'],
      ] as const)
        expect(await onQueue(name, bucket), `${name}: ${bucket}`).toBe('d');
      for (const [name, bucket] of [
        ['bonn-task', 'site-bonn'],
        ['bonn-intake', 'site-ulm'],
        ['bonn-dispatch', 'federation'],
        ['aggregate', 'site-bonn'],
      ] as const)
        expect(await onQueue(name, bucket), `${name}: ${bucket}`).toBe('.');
    },
  );
});

describe('the shared key', () => {
  test('opens no object of another site to a role that may read every object', async () => {
    const world = worldOf('shared-key');
    const task = world.roles.get('heart-bonn-task') as Role;
    const reads: Statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
    const mistaken = { ...task, policies: [...task.policies, { Version: '2012-10-17', Statement: [reads] }] };

    expect(await onKey(world, mistaken, 'alias/heart-site-bonn')).toBe('dg');
    expect(await onKey(world, { ...mistaken, arn: `${task.arn}-mistaken` }, 'alias/heart-site-ulm')).toBe('.');
  });

  test('is refused to a role for an object without a bucket key, whose context names the object', async () => {
    const world = worldOf('shared-key');
    const on = keyOf(world, 'alias/heart-site-bonn');
    const asked = { caller: world.roles.get('heart-bonn-task') as Role, action: 'kms:GenerateDataKey', on };
    const context = { 'kms:ViaService': 's3.eu-central-1.amazonaws.com', 'kms:ResourceAliases': ['alias/heart'] };
    const named = (arn: string) => ({ ...context, 'kms:EncryptionContext:aws:s3:arn': arn });

    expect(await isAllowed(world, { ...asked, context: named('arn:aws:s3:::heart-site-bonn') })).toBe(true);
    for (const arn of ['arn:aws:s3:::heart-site-bonn/cases/p1/image.nii.gz', 'arn:aws:s3:::heart-site-ulm']) {
      expect(await isAllowed(world, { ...asked, context: named(arn) }), arn).toBe(false);
    }
  });
});

describe('services use a key', () => {
  test.each(KEYED)('only for logs and topics of the account, with %s', (encryption) => {
    const world = worldOf(encryption);
    const services = [...world.keys.values()]
      .flatMap(grants)
      .filter(({ Principal }) => /Service/.test(JSON.stringify(Principal)));

    for (const { Principal, Condition } of services) {
      const principal = JSON.stringify(Principal);
      if (principal.includes('logs.'))
        expect(JSON.stringify(Condition)).toContain('kms:EncryptionContext:aws:logs:arn');
      else if (principal.includes('s3.')) expect(JSON.stringify(Condition)).toContain('aws:SourceArn');
      else expect(JSON.stringify(Condition)).toContain('kms:EncryptionContext:aws:sns:topicArn');
    }
  });

  test('by condition keys that they pass to keys, according to the documents of AWS', () => {
    const keyPolicies = CHOICES.flatMap((encryption) =>
      synthesizeAll({ ...FEDERATION, encryption }).flatMap(({ template }) =>
        Object.values(
          (
            template as {
              Resources: Record<string, { Type: string; Properties: { KeyPolicy: { Statement: Statement[] } } }>;
            }
          ).Resources,
        )
          .filter(({ Type }) => Type === 'AWS::KMS::Key')
          .flatMap(({ Properties }) => Properties.KeyPolicy.Statement),
      ),
    );

    // S3 passes aws:SourceArn to keys of queues, EventBridge neither of the two to keys of topics.
    for (const { Principal, Condition } of keyPolicies) {
      expect(JSON.stringify(Condition ?? '')).not.toContain('aws:SourceAccount');
      if (!JSON.stringify(Principal).includes('s3.amazonaws.com'))
        expect(JSON.stringify(Condition ?? '')).not.toContain('aws:SourceArn');
    }
  });

  test('and EventBridge publishes to topics without a condition, which it could not meet', () => {
    const statements = synthesizeAll(FEDERATION).flatMap(({ template }) =>
      Object.values(
        (
          template as {
            Resources: Record<string, { Type: string; Properties: { PolicyDocument: { Statement: Statement[] } } }>;
          }
        ).Resources,
      )
        .filter(({ Type }) => Type === 'AWS::SNS::TopicPolicy')
        .flatMap(({ Properties }) => Properties.PolicyDocument.Statement),
    );
    const ofEvents = statements.filter(({ Principal }) => JSON.stringify(Principal).includes('events.amazonaws.com'));

    expect(ofEvents.length).toBeGreaterThan(0);
    for (const { Condition } of ofEvents) expect(Condition).toBeUndefined();
  });
});

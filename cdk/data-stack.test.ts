import { readFileSync } from 'node:fs';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Encryption } from '../lib/federation/schemas.ts';
import { topologyOf } from '../lib/federation/topology.ts';
import { addDataStacks } from './data-stack.ts';
import { readFederation } from './read-federation.ts';
import { synthesizeDataStacks } from './synthesize.ts';

const topology = topologyOf(readFederation('examples/paper/federation.json'));
const KINDS = ['S3::Bucket', 'S3::BucketPolicy', 'SQS::Queue', 'SQS::QueuePolicy'];

const synthesized = (encryption: Encryption): ReadonlyMap<string, Template> =>
  new Map(
    synthesizeDataStacks({ ...topology, federation: { ...topology.federation, encryption } }).map(
      ({ stackName, template }) => [stackName, Template.fromJSON(template as Record<string, unknown>)],
    ),
  );
/** Those of the default, without that of the key. */
let stacks: ReadonlyMap<string, Template>;
let keys: Template;
let withOwnKeys: ReadonlyMap<string, Template>;
beforeAll(() => {
  const all = new Map(synthesized('shared-key'));
  keys = all.get('fedcardio-keys') as Template;
  all.delete('fedcardio-keys');
  stacks = all;
  withOwnKeys = synthesized('key-per-bucket');
});
const site = () => stacks.get('fedcardio-site-berlin-data') as Template;
const federation = () => stacks.get('fedcardio-federation-data') as Template;
const idOf = (template: Template, type: string, properties: unknown): string => {
  const ids = Object.keys(template.findResources(type, { Properties: properties }));
  expect(ids, `${type} ${JSON.stringify(properties)}`).toHaveLength(1);
  return ids[0] as string;
};
const queueId = (template: Template, QueueName: string) => idOf(template, 'AWS::SQS::Queue', { QueueName });

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Condition?: unknown;
  readonly Resource: unknown;
}
function statementsOf(template: Template, type: string): readonly Statement[][] {
  const policies = Object.values(template.findResources(type)) as unknown as readonly {
    readonly Properties: { readonly PolicyDocument: { readonly Statement: Statement[] } };
  }[];
  return policies.map(({ Properties }) => Properties.PolicyDocument.Statement);
}

describe('the data stacks', () => {
  test('are one per site and one for the coordinator, with only buckets and queues', () => {
    expect([...stacks.keys()].sort()).toEqual(topology.buckets.map(({ name }) => `${name}-data`).sort());
    for (const template of stacks.values()) {
      const { Resources, Parameters } = template.toJSON() as Record<string, Record<string, { Type: string }>>;
      expect(new Set(Object.values(Resources ?? {}).map(({ Type }) => Type.replace('AWS::', '')))).toEqual(
        new Set(KINDS),
      );
      // Without parameters, each stack can be deployed by itself, by anyone. It imports the key of its account only.
      expect(Parameters).toBeUndefined();
      const imports = JSON.stringify(template.toJSON()).matchAll(/"Fn::ImportValue":("[^"]+"|.{0,40})/g);
      expect(new Set([...imports].map(([, name]) => name))).toEqual(new Set(['"fedcardio-key-arn"']));
    }
    for (const template of withOwnKeys.values()) {
      expect(JSON.stringify(template.toJSON())).not.toContain('Fn::ImportValue');
    }
  });

  test("send events of a site's uploads and removals to its intake queue, and of no other objects", () => {
    const rules = ['cases/', 'held-out/'].flatMap((Value) =>
      ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'].map((Event) => ({
        Event,
        Filter: { S3Key: { Rules: [{ Name: 'prefix', Value }] } },
        Queue: { 'Fn::GetAtt': [queueId(site(), 'fedcardio-berlin-intake'), 'Arn'] },
      })),
    );
    site().hasResourceProperties('AWS::S3::Bucket', {
      BucketName: 'fedcardio-site-berlin',
      NotificationConfiguration: { QueueConfigurations: rules },
    });
  });

  test('expire in-round checkpoints after two weeks, those of a campaign after 180 days, and nothing else', () => {
    const properties = { Properties: { BucketName: 'fedcardio-site-berlin' } };
    const [bucket] = Object.values(site().findResources('AWS::S3::Bucket', properties)) as unknown as readonly {
      readonly Properties: { readonly LifecycleConfiguration: { readonly Rules: readonly object[] } };
    }[];
    const { Rules } = bucket!.Properties.LifecycleConfiguration;
    expect(Rules.filter((rule) => 'ExpirationInDays' in rule)).toMatchObject([
      { Status: 'Enabled', Prefix: 'checkpoints/', ExpirationInDays: 180 },
      { Status: 'Enabled', Prefix: 'jobs/', ExpirationInDays: 180 },
      { Status: 'Enabled', Prefix: 'secure/', ExpirationInDays: 180 },
      { Status: 'Enabled', Prefix: 'unfinished/', ExpirationInDays: 14 },
    ]);
  });

  test('send events of campaigns and commits to orchestrate, and of updates to aggregate', () => {
    const queueOf = (name: string) => ({ 'Fn::GetAtt': [queueId(federation(), name), 'Arn'] });
    const rule = (prefix: string, suffix: string, queue: string) => ({
      Event: 's3:ObjectCreated:*',
      Filter: {
        S3Key: {
          Rules: [
            { Name: 'prefix', Value: prefix },
            { Name: 'suffix', Value: suffix },
          ],
        },
      },
      Queue: queueOf(queue),
    });
    federation().hasResourceProperties('AWS::S3::Bucket', {
      NotificationConfiguration: {
        QueueConfigurations: [
          rule('campaigns/', '/campaign.json', 'fedcardio-orchestrate'),
          rule('campaigns/', '/control.json', 'fedcardio-orchestrate'),
          rule('campaigns/', '/commit.json', 'fedcardio-orchestrate'),
          rule('sites/', '.consent.json', 'fedcardio-orchestrate'),
          rule('updates/', '.update.json', 'fedcardio-aggregate'),
          rule('updates/', '.step.json', 'fedcardio-orchestrate'),
          rule('campaigns/', '/survivors.json', 'fedcardio-orchestrate'),
          rule('campaigns/', '/opened.json', 'fedcardio-aggregate'),
        ],
      },
    });
  });

  test('keep messages for two weeks, in every queue and its dead-letter queue', () => {
    for (const { name, deadLetterQueue, visibilityTimeoutSeconds, site: owner } of topology.queues) {
      const template = stacks.get(`fedcardio-${owner ? `site-${owner}` : 'federation'}-data`) as Template;
      const dead = idOf(template, 'AWS::SQS::Queue', {
        QueueName: deadLetterQueue,
        MessageRetentionPeriod: 14 * 24 * 3600,
      });
      template.hasResourceProperties('AWS::SQS::Queue', {
        QueueName: name,
        MessageRetentionPeriod: 14 * 24 * 3600,
        VisibilityTimeout: visibilityTimeoutSeconds,
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [dead, 'Arn'] }, maxReceiveCount: 5 },
      });
    }
  });

  test('let S3 send for the own bucket only, and create the bucket after that permission', () => {
    const own = withOwnKeys.get('fedcardio-site-berlin-data') as Template;
    const [bucket] = Object.values(
      site().findResources('AWS::S3::Bucket', { Properties: { BucketName: 'fedcardio-site-berlin' } }),
    );
    const policy = idOf(site(), 'AWS::SQS::QueuePolicy', {
      Queues: [{ Ref: queueId(site(), 'fedcardio-berlin-intake') }],
    });
    expect((bucket as { DependsOn: readonly string[] }).DependsOn).toContain(policy);
    const arn = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':s3:::fedcardio-site-berlin']] };
    const Condition = {
      ArnEquals: { 'aws:SourceArn': arn },
      StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
    };
    const keyStatements = Object.values(own.findResources('AWS::KMS::Key')).flatMap(
      (key) => (key as { Properties: { KeyPolicy: { Statement: Statement[] } } }).Properties.KeyPolicy.Statement,
    );
    const allowedBy = (statements: readonly Statement[]) =>
      statements.filter(({ Effect, Action }) => Effect === 'Allow' && Action !== 'kms:*');
    expect(allowedBy(statementsOf(site(), 'AWS::SQS::QueuePolicy').flat())).toMatchObject([
      { Action: 'sqs:SendMessage', Condition },
    ]);
    // SQS's own encryption asks nobody for permission. S3 passes aws:SourceArn to a customer key, and no account.
    expect(allowedBy(keyStatements)).toEqual([
      expect.objectContaining({
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Condition: { ArnEquals: { 'aws:SourceArn': expect.arrayContaining([arn]) } },
      }),
    ]);
  });

  test('refuse plain HTTP to every bucket and queue, and TLS below 1.2 to every bucket', () => {
    const plain = Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
    const old = Match.objectLike({ Effect: 'Deny', Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } } });
    for (const template of stacks.values()) {
      template.resourceCountIs('AWS::S3::BucketPolicy', 2);
      template.allResourcesProperties('AWS::S3::BucketPolicy', {
        PolicyDocument: { Statement: Match.arrayWith([plain, old]) },
      });
      template.allResourcesProperties('AWS::SQS::QueuePolicy', {
        PolicyDocument: { Statement: Match.arrayWith([plain]) },
      });
      template.resourceCountIs('AWS::SQS::QueuePolicy', 4);
    }
  });

  test('make buckets private, versioned and retained', () => {
    for (const template of stacks.values()) {
      template.allResourcesProperties('AWS::S3::Bucket', {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        VersioningConfiguration: { Status: 'Enabled' },
      });
      template.allResources('AWS::S3::Bucket', {
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
    }
  });

  test('encrypt buckets with the shared key and queues with that of SQS, by default', () => {
    keys.resourceCountIs('AWS::KMS::Key', 1);
    keys.hasResourceProperties('AWS::KMS::Alias', { AliasName: 'alias/fedcardio' });
    for (const template of stacks.values()) {
      template.hasResourceProperties('AWS::S3::Bucket', {
        BucketName: Match.anyValue(),
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            {
              BucketKeyEnabled: true,
              ServerSideEncryptionByDefault: {
                KMSMasterKeyID: { 'Fn::ImportValue': 'fedcardio-key-arn' },
                SSEAlgorithm: 'aws:kms',
              },
            },
          ],
        },
      });
      template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    }
  });

  test('have no customer key with s3-managed, and encrypt all the same', () => {
    for (const template of synthesized('s3-managed').values()) {
      expect(JSON.stringify(template.toJSON())).not.toMatch(/KMS|kms|ImportValue/);
      template.allResourcesProperties('AWS::S3::Bucket', {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      });
      template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    }
  });

  test('encrypt the bucket with another key than the queues, with key-per-bucket', () => {
    for (const template of withOwnKeys.values()) {
      template.allResourcesProperties('AWS::KMS::Key', { EnableKeyRotation: true });
      const json = JSON.stringify(template.toJSON());
      const keys = (property: string) =>
        new Set([...json.matchAll(new RegExp(`"${property}":\\{"Fn::GetAtt":\\["(\\w+)"`, 'g'))].map(([, id]) => id));
      const [ofBucket, ofQueues] = [keys('KMSMasterKeyID'), keys('KmsMasterKeyId')];
      expect([ofBucket.size, ofQueues.size]).toEqual([1, 1]);
      expect(ofBucket).not.toEqual(ofQueues);
    }
  });

  test('deny everyone to delete anything of the federation, or to replace the audit trail and what sites sent', () => {
    const documents = ['cohort', 'commit', 'endorsed', 'noise', 'open', 'opened', 'outcome', 'plan', 'seal'];
    const names = [...documents, 'setup/*/sites', 'survivors'].map((name) => `/campaigns/*/${name}.json`);
    const joined = (key: string) => ({ 'Fn::Join': ['', [Match.anyValue(), key]] });
    const links = [...names, '/models/*/merged.json', '/updates/*'].map(joined);
    federation().hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 's3:PutObject',
            Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
            Resource: links,
          }),
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
            Resource: joined('/*'),
          }),
        ]),
      },
    });
  });

  test('write access logs to another bucket, and expire old versions, uploads and logs', () => {
    for (const template of stacks.values()) {
      const logs = idOf(template, 'AWS::S3::Bucket', {
        LifecycleConfiguration: { Rules: [{ ExpirationInDays: 365, Status: 'Enabled' }] },
      });
      template.hasResourceProperties('AWS::S3::Bucket', {
        LoggingConfiguration: { DestinationBucketName: { Ref: logs } },
      });
    }
    const ends = (Prefix: string) => Match.objectLike({ Prefix, ExpirationInDays: 180 });
    site().hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: { Rules: Match.arrayWith([ends('checkpoints/'), ends('jobs/')]) },
    });
    // Nothing in the federation bucket expires by itself.
    expect(
      JSON.stringify(
        federation().findResources('AWS::S3::Bucket', { Properties: { BucketName: 'fedcardio-federation' } }),
      ),
    ).not.toContain('ExpirationInDays');
  });

  test("lock the objects of the federation's bucket if federation.json asks for it, and none of a site's", () => {
    const locked = topologyOf({ ...topology.federation, objectLockDays: 3650 });
    const named = new Map(
      synthesizeDataStacks(locked).map(({ stackName, template }) => [stackName, template as Record<string, unknown>]),
    );

    Template.fromJSON(named.get('fedcardio-federation-data') ?? {}).hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Days: 3650, Mode: 'COMPLIANCE' } } },
    });
    named.delete('fedcardio-federation-data');
    for (const template of [...named.values(), federation().toJSON()]) {
      expect(JSON.stringify(template)).not.toContain('ObjectLock');
    }
  });

  test('pass the rules of CloudFormation, and are the same from `cdk synth` and in this process', () => {
    const small = { ...topology, buckets: topology.buckets.slice(-1) };
    const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
    const app = new App({ context });
    addDataStacks(app, small);

    // With the flag validateAgainstDefaultRules, a template that breaks a rule makes this throw.
    const stack = app.synth().stacks.find(({ stackName }) => stackName === 'fedcardio-federation-data');

    expect(stack?.template).toMatchObject({
      Resources: Object.fromEntries(
        Object.entries(federation().toJSON().Resources as Record<string, { Type: string; Properties: unknown }>).map(
          ([id, { Type, Properties }]) => [id, { Type, Properties }],
        ),
      ),
    });
  });
});

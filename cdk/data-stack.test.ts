import { readFileSync } from 'node:fs';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Site } from '../lib/federation/schemas.ts';
import { topologyOf } from '../lib/federation/topology.ts';
import { addDataStacks } from './data-stack.ts';
import { readFederation } from './read-federation.ts';
import { synthesizeDataStacks } from './synthesize.ts';

const topology = topologyOf(readFederation('examples/paper/federation.json'));
const KINDS = ['KMS::Alias', 'KMS::Key', 'S3::Bucket', 'S3::BucketPolicy', 'SQS::Queue', 'SQS::QueuePolicy'];

let stacks: ReadonlyMap<string, Template>;
beforeAll(() => {
  stacks = new Map(
    synthesizeDataStacks(topology).map(({ stackName, template }) => [
      stackName,
      Template.fromJSON(template as Record<string, unknown>),
    ]),
  );
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
  test('are one per site and one for the coordinator, with only keys, buckets and queues', () => {
    expect([...stacks.keys()].sort()).toEqual(topology.buckets.map(({ name }) => `${name}-data`).sort());
    for (const template of stacks.values()) {
      const { Resources, Parameters, Outputs } = template.toJSON() as Record<string, Record<string, { Type: string }>>;
      expect(new Set(Object.values(Resources ?? {}).map(({ Type }) => Type.replace('AWS::', '')))).toEqual(
        new Set(KINDS),
      );
      // Without parameters and imports, each stack can be deployed by itself, by anyone.
      expect({ Parameters, Outputs }).toEqual({});
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
          rule('updates/', '.update.json', 'fedcardio-aggregate'),
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
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [dead, 'Arn'] }, maxReceiveCount: 3 },
      });
    }
  });

  test('let S3 send for the own bucket only, and create the bucket after that permission', () => {
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
    const allowed = [
      ...statementsOf(site(), 'AWS::SQS::QueuePolicy').flat(),
      ...Object.values(site().findResources('AWS::KMS::Key')).flatMap(
        (key) => (key as { Properties: { KeyPolicy: { Statement: Statement[] } } }).Properties.KeyPolicy.Statement,
      ),
    ].filter(({ Effect, Action }) => Effect === 'Allow' && Action !== 'kms:*');
    expect(allowed).toMatchObject([
      { Action: 'sqs:SendMessage', Condition },
      { Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Condition },
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

  test('make buckets private, versioned, encrypted with another key than the queues, and retained', () => {
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
      template.allResourcesProperties('AWS::KMS::Key', { EnableKeyRotation: true });
      for (const type of ['AWS::S3::Bucket', 'AWS::KMS::Key']) {
        template.allResources(type, { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      }
      const json = JSON.stringify(template.toJSON());
      const keys = (property: string) =>
        new Set([...json.matchAll(new RegExp(`"${property}":\\{"Fn::GetAtt":\\["(\\w+)"`, 'g'))].map(([, id]) => id));
      const [ofBucket, ofQueues] = [keys('KMSMasterKeyID'), keys('KmsMasterKeyId')];
      expect([ofBucket.size, ofQueues.size]).toEqual([1, 1]);
      expect(ofBucket).not.toEqual(ofQueues);
    }
  });

  test('deny everyone to delete anything of the federation, or to replace the audit trail and what sites sent', () => {
    const names = ['commit', 'open', 'outcome', 'plan', 'seal'].map((name) => `/campaigns/*/${name}.json`);
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

  test('lock objects if federation.json asks for it', () => {
    const [example] = topology.federation.sites;
    const locked = topologyOf({ ...topology.federation, sites: [{ ...(example as Site), objectLockDays: 3650 }] });
    const stack = synthesizeDataStacks(locked).find(({ stackName }) => stackName.includes('-site-'));

    Template.fromJSON(stack?.template as Record<string, unknown>).hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Days: 3650, Mode: 'COMPLIANCE' } } },
    });
    expect(JSON.stringify(site().toJSON())).not.toContain('ObjectLock');
  });

  test('pass the rules of CloudFormation, and are the same from `cdk synth` and in this process', () => {
    const small = { ...topology, buckets: topology.buckets.slice(-1) };
    const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
    const app = new App({ context });
    addDataStacks(app, small);

    // With the flag validateAgainstDefaultRules, a template that breaks a rule makes this throw.
    const [stack] = app.synth().stacks;

    expect(stack?.template).toMatchObject({
      Resources: Object.fromEntries(
        Object.entries(federation().toJSON().Resources as Record<string, { Type: string; Properties: unknown }>).map(
          ([id, { Type, Properties }]) => [id, { Type, Properties }],
        ),
      ),
    });
  });
});

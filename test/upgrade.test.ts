import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { FEDERATION, synthesizeAll } from '../cdk/isolation/example-federation.ts';
import { type Federation, federationSchema } from '../lib/federation/schemas.ts';
import { ACCEPTED } from './upgrade/accepted.ts';
import { changesBetween } from './upgrade/changes.ts';
import { readReplacingProperties } from './upgrade/replacement.ts';
import { type Snapshot, snapshotOf, snapshotSchema } from './upgrade/snapshot.ts';

const replacing = readReplacingProperties();
const templatesOf = (federation: Federation): Snapshot => snapshotOf(synthesizeAll(federation), replacing);

describe('the deployment of this release over the last', () => {
  const last = z
    .object({ release: z.string(), federation: federationSchema, stacks: snapshotSchema })
    .parse(JSON.parse(readFileSync('test/fixtures/templates/last-release.json', 'utf8')));
  const changes = changesBetween(last.stacks, templatesOf(last.federation));

  test('loses and replaces no data, and no name conflicts, but for what is accepted', () => {
    expect(changes.filter((change) => !ACCEPTED.some(({ applies }) => applies(change)))).toEqual([]);
  });

  test('needs every exception', () => {
    expect(ACCEPTED.filter(({ applies }) => !changes.some(applies)).map(({ reason }) => reason)).toEqual([]);
  });
});

describe('a change of federation.json', () => {
  const before = templatesOf(FEDERATION);
  const [bonn, ...others] = FEDERATION.sites;
  const withBonn = (fields: object): Federation => ({ ...FEDERATION, sites: [{ ...bonn!, ...fields }, ...others] });

  test.for<[string, Federation]>([
    ['a site joins', { ...FEDERATION, sites: [{ id: 'aachen', name: 'Aachen' }, ...FEDERATION.sites] }],
    ['another image', { ...FEDERATION, image: '111122223333.dkr.ecr.eu-central-1.amazonaws.com/fedcardio:9.9.9' }],
    ['other instances', withBonn({ gpu: { instanceTypes: ['g6.2xlarge'], maxVcpus: 16 } })],
    ['other uploaders', withBonn({ uploaders: ['arn:aws:iam::999900001111:role/other'], withdrawers: [] })],
    ['another name', withBonn({ name: 'University Hospital Bonn' })],
    ['other researchers', { ...FEDERATION, researchers: ['arn:aws:iam::999900001111:role/other'] }],
  ])('loses and replaces no data, and no name conflicts: %s', ([, after]) => {
    expect(changesBetween(before, templatesOf(after))).toEqual([]);
  });

  test.for(FEDERATION.sites.map(({ id }) => id))('of a site that leaves concerns its own stacks only: %s', (left) => {
    const after = templatesOf({ ...FEDERATION, sites: FEDERATION.sites.filter(({ id }) => id !== left) });
    const own = new RegExp(`^heart-site-${left}-`);
    const alone = new RegExp(left === 'graz' ? '^heart-(network|keys)-' : '^$');

    const changes = changesBetween(before, after);

    expect(changes.filter(({ stack, kind }) => kind !== 'lost' || !(own.test(stack) || alone.test(stack)))).toEqual([]);
  });
});

describe('the comparison of templates', () => {
  const resource = { type: 'AWS::S3::Bucket', name: 'b', replacing: { BucketName: 'b' } };

  test.for<[string, Snapshot, readonly string[]]>([
    ['no change', { one: { Bucket: resource } }, []],
    ['a stack that is gone', {}, ['lost']],
    ['a bucket that is gone', { one: {} }, ['lost']],
    ['another logical id', { one: { Other: resource } }, ['lost', 'conflict']],
    ['another stack', { two: { Bucket: resource } }, ['lost', 'conflict']],
    ['another name', { one: { Bucket: { ...resource, name: 'c', replacing: { BucketName: 'c' } } } }, ['replaced']],
    [
      'the same name and another property that replaces',
      { one: { Bucket: { ...resource, replacing: { BucketName: 'b', ObjectLockEnabled: true } } } },
      ['replaced', 'conflict'],
    ],
    ['a bucket that becomes a queue', { one: { Bucket: { ...resource, type: 'AWS::SQS::Queue' } } }, ['lost']],
  ])('finds %s', ([, after, kinds]) => {
    expect(changesBetween({ one: { Bucket: resource } }, after).map(({ kind }) => kind)).toEqual(kinds);
  });

  test('knows which properties replace a resource', () => {
    expect(replacing.get('AWS::S3::Bucket')).toContain('BucketName');
    expect(replacing.get('AWS::SQS::Queue')).toContain('QueueName');
    expect(replacing.get('AWS::ECR::Repository')).toContain('EncryptionConfiguration');
    for (const resources of Object.values(templatesOf(FEDERATION))) {
      for (const { type } of Object.values(resources)) expect([...replacing.keys()]).toContain(type);
    }
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from '../../cdk/isolation/example-federation.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { isOnPremises } from '../../lib/federation/schemas.ts';
import { provision } from '../../local/deploy/provision.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../local/emulator/server.ts';
import { createAuthorizer } from './authorizer.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { createIdentities, type Identities } from './identities.ts';

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-gateway-'));
let server: EmbeddedServer;
let identities: Identities;
let gateway: Gateway;
let before: number;

beforeAll(async () => {
  const sites = FEDERATION.sites.filter((site) => !isOnPremises(site));
  const stacks = synthesizeAll({ ...FEDERATION, sites });
  server = await startEmbeddedServer({ dataDir: folder });
  await provision(stacks, { endpoint: server.endpoint });
  const authorizer = createAuthorizer(stacks);
  identities = createIdentities(authorizer.world);
  const nothing = async () => ({ status: 200, body: {} });
  const services = { batch: nothing, cloudFormation: nothing };
  gateway = await startGateway({ upstream: server.endpoint, authorizer, identities, ...services });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  before = gateway.refused.length;
});

/** What was refused in this test. */
const refused = () => gateway.refused.slice(before).map(({ action, on, why }) => [action, on, why]);

function configOf(role: string, region: string) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = identities.credentialsOf(role);
  const credentials = {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  };
  return { endpoint: gateway.endpoint, region, credentials };
}
const s3 = (role: string, region = 'eu-central-1') => new S3Client(configOf(role, region));
const sqs = (role: string, region = 'eu-central-1') =>
  new SQSClient({ ...configOf(role, region), useQueueUrlAsEndpoint: false });

test('a role writes what it may write, and reads it', async () => {
  const at = { Bucket: 'heart-site-bonn', Key: siteKeys.optimizer({ campaign: 'c', stage: 's', round: 1 }) };

  await s3('heart-bonn-task').send(new PutObjectCommand({ ...at, Body: 'weights' }));
  const { Body } = await s3('heart-bonn-task').send(new GetObjectCommand(at));

  expect(await Body?.transformToString()).toBe('weights');
  expect(refused()).toEqual([]);
});

test('another role is denied, and the denial is recorded', async () => {
  const at = { Bucket: 'heart-site-bonn', Key: siteKeys.image('training', 'p1') };

  const request = s3('heart-ulm-task').send(new GetObjectCommand(at));

  await expect(request).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
  expect(refused()).toEqual([['s3:GetObject', `heart-site-bonn/${at.Key}`, 'denied']]);
});

test('a permanent object is created only with If-None-Match', async () => {
  const at = { Bucket: 'heart-federation', Key: federationKeys.plan('c'), Body: '{}' };

  const replace = s3('heart-orchestrate').send(new PutObjectCommand(at));

  await expect(replace).rejects.toMatchObject({ name: 'AccessDenied' });
  await s3('heart-orchestrate').send(new PutObjectCommand({ ...at, IfNoneMatch: '*' }));
  expect(refused()).toEqual([['s3:PutObject', `heart-federation/${at.Key}`, 'denied']]);
});

test('only who may list the bucket learns that an object is missing', async () => {
  const get = (Bucket: string, Key: string) => s3('heart-bonn-task').send(new GetObjectCommand({ Bucket, Key }));

  const ofItsOwn = get('heart-site-bonn', siteKeys.image('training', 'none'));
  await expect(ofItsOwn).rejects.toMatchObject({ name: 'NoSuchKey' });
  const ofTheFederation = get('heart-federation', federationKeys.plan('none'));
  await expect(ofTheFederation).rejects.toMatchObject({ name: 'AccessDenied' });

  expect(refused()).toEqual([]);
});

test('a listing is denied by its prefix', async () => {
  const list = (Prefix: string) =>
    s3('heart-bonn-dispatch').send(new ListObjectsV2Command({ Bucket: 'heart-site-bonn', Prefix }));

  await list('jobs/');
  await expect(list('cases/')).rejects.toMatchObject({ name: 'AccessDenied' });

  expect(refused()).toEqual([['s3:ListBucket', 'heart-site-bonn cases/', 'denied']]);
});

test('a bucket of another region redirects, and clients may follow', async () => {
  const at = { Bucket: 'heart-federation', Prefix: 'campaigns/' };
  const follows = new S3Client({ ...configOf('heart-orchestrate', 'eu-west-1'), followRegionRedirects: true });

  const stays = s3('heart-orchestrate', 'eu-west-1').send(new ListObjectsV2Command(at));

  await expect(stays).rejects.toMatchObject({ name: 'PermanentRedirect', $metadata: { httpStatusCode: 301 } });
  expect((await follows.send(new ListObjectsV2Command(at))).KeyCount).toBeGreaterThanOrEqual(0);
});

test('a queue is found in its own account and region only', async () => {
  const find = (region: string, QueueOwnerAWSAccountId?: string) =>
    sqs('heart-orchestrate', region).send(
      new GetQueueUrlCommand({
        QueueName: 'heart-graz-tasks',
        ...(QueueOwnerAWSAccountId && { QueueOwnerAWSAccountId }),
      }),
    );

  const { QueueUrl } = await find('eu-west-1', '444455556666');
  await sqs('heart-orchestrate', 'eu-west-1').send(new SendMessageCommand({ QueueUrl, MessageBody: 'task' }));

  expect(QueueUrl).toBe(`${gateway.endpoint}/444455556666/heart-graz-tasks`);
  await expect(find('eu-west-1')).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  await expect(find('eu-central-1', '444455556666')).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  expect(refused().map(([, , why]) => why)).toEqual(['wrong account or region', 'wrong account or region']);
});

test('unknown credentials and requests are refused and recorded', async () => {
  const { credentials, ...rest } = configOf('heart-bonn-task', 'eu-central-1');
  const { sessionToken: _, ...withoutToken } = credentials;
  const nobody = new S3Client({ ...rest, credentials: withoutToken });

  const listing = nobody.send(new ListObjectsV2Command({ Bucket: 'heart-federation' }));
  await expect(listing).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
  const policy = new PutBucketPolicyCommand({ Bucket: 'heart-federation', Policy: '{}' });
  await expect(s3('heart-sweep').send(policy)).rejects.toMatchObject({ name: 'AccessDenied' });

  expect(refused().map(([, , why]) => why)).toEqual(['unknown credentials', 'unknown request']);
});

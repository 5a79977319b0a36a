import { randomBytes } from 'node:crypto';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import {
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, test } from 'vitest';
import { synthesizeDataStacks } from '../cdk/synthesize.ts';
import { s3Objects } from '../handlers/s3-event.ts';
import { connection, createS3Client, createSqsClient } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { createQueues } from '../lib/aws/queues.ts';
import { TAGGED_SITE } from '../lib/federation/guards.ts';
import { names, topologyOf } from '../lib/federation/topology.ts';
import { deploy } from '../local/deploy/deploy.ts';
import { deployStack } from '../local/deploy/stacks.ts';

const endpoint = process.env.FEDCARDIO_TEST_ENDPOINT as string;
const id = `deploy-${randomBytes(4).toString('hex')}`;
const topology = topologyOf({
  schema: 'fedcardio.federation/1',
  id,
  sites: ['bonn', 'kiel'].map((site) => ({ id: site, name: site })),
});
const cloudFormation = new CloudFormationClient(connection({ endpoint }, 1));
const s3 = createS3Client({ endpoint });
const queues = createQueues({ endpoint });
const intake = names.intakeQueue(id, 'bonn');
const Bucket = names.siteBucket(id, 'bonn');

async function attributesOf(queue: string): Promise<Readonly<Record<string, string>>> {
  const sqs = createSqsClient({ endpoint });
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: queue }));
  return (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes ?? {};
}

beforeAll(async () => {
  expect(await deploy(endpoint, topology)).toBe('4 data stacks deployed by CloudFormation');
});

describe('the data stacks, deployed by CloudFormation', () => {
  test('have every resource of their templates', async () => {
    for (const { stackName, template } of synthesizeDataStacks(topology)) {
      const { StackResources } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName: stackName }));
      const { Resources } = template as { readonly Resources: Readonly<Record<string, unknown>> };
      expect(StackResources?.map(({ LogicalResourceId }) => LogicalResourceId).sort()).toEqual(
        Object.keys(Resources).sort(),
      );
      expect(new Set(StackResources?.map(({ ResourceStatus }) => ResourceStatus))).toEqual(
        new Set(['CREATE_COMPLETE']),
      );
    }
  });

  // Encryption of buckets is tested on the templates, because LocalStack's CloudFormation ignores it.
  test('make buckets private and versioned, and queues encrypted', async () => {
    const [versioning, access] = await Promise.all([
      s3.send(new GetBucketVersioningCommand({ Bucket })),
      s3.send(new GetPublicAccessBlockCommand({ Bucket })),
    ]);

    expect(versioning.Status).toBe('Enabled');
    expect(Object.values(access.PublicAccessBlockConfiguration ?? {})).toEqual([true, true, true, true]);
    expect((await attributesOf(intake)).SqsManagedSseEnabled).toBe('true');
  });

  test('set the bucket policy of the audit trail with resolved names', async () => {
    const bucket = names.federationBucket(id);
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }));
    const { Statement } = JSON.parse(Policy ?? '{}') as { Statement: readonly { Sid?: string; Resource: unknown }[] };

    const once = Statement.find(({ Sid }) => Sid === 'CreatedOnce');
    expect(once?.Resource).toContain(`arn:aws:s3:::${bucket}/campaigns/*/seal.json`);
    expect(once?.Resource).toContain(`arn:aws:s3:::${bucket}/updates/*`);
    // The name of a site's role is a variable of the policy, which CloudFormation leaves as it is.
    expect(Policy).toContain(TAGGED_SITE);
  });

  test('notify the queue of a filter with intact keys, and move failed messages to dead-letter queues', async () => {
    const { QueueArn: deadLetters } = await attributesOf(names.deadLetterQueue(intake));
    expect(JSON.parse((await attributesOf(intake)).RedrivePolicy ?? '{}')).toMatchObject({
      deadLetterTargetArn: deadLetters,
    });
    const openBucket = createObjectStorage({ endpoint });
    const keys = ['cases/p 1+2/ä%.nii.gz', 'held-out/p2/image.nii.gz'];
    for (const key of ['catalog/p1.json', ...keys]) await openBucket(Bucket).put(key, 'x');

    const seen: string[] = [];
    await expect
      .poll(async () => {
        for (const { body, receipt } of await queues.receive(intake, { max: 10, waitSeconds: 1 })) {
          seen.push(...s3Objects(JSON.parse(body)).map(({ bucket, key }) => `${bucket}/${key}`));
          await queues.delete(intake, [receipt]);
        }
        return seen.toSorted();
      })
      .toEqual(keys.map((key) => `${Bucket}/${key}`));
  });

  test('are unchanged by a second deployment, and updated by a changed template', async () => {
    const openBucket = createObjectStorage({ endpoint });
    await openBucket(Bucket).put('catalog/kept.json', 'kept');
    const before = await queues.depth(intake);

    await deploy(endpoint, topology);
    expect(await queues.depth(intake)).toEqual(before);

    const slower = topology.queues.map((queue) => ({ ...queue, visibilityTimeoutSeconds: 720 }));
    await deploy(endpoint, { ...topology, queues: slower });
    expect((await attributesOf(intake)).VisibilityTimeout).toBe('720');
    const { QueueConfigurations } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
    // Uploads and removals, in two folders.
    expect(QueueConfigurations).toHaveLength(4);
    expect(Buffer.from((await openBucket(Bucket).get('catalog/kept.json')).body).toString()).toBe('kept');
  });

  test('report resource and reason of a failure', async () => {
    const BadBucket = { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'NOT A BUCKET' } };

    await expect(
      deployStack(cloudFormation, { stackName: `${id}-bad`, template: { Resources: { BadBucket } } }),
    ).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringMatching(/BadBucket.*NOT A BUCKET|BadBucket: .+/),
    });
  });
});

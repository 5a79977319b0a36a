import { setTimeout as sleep } from 'node:timers/promises';
import { PutBucketNotificationConfigurationCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createSqsClient } from '../../../lib/aws/clients.ts';
import { BUCKET, useServer } from '../testing.ts';

const server = useServer();
let QueueUrl: string | undefined;

beforeAll(async () => {
  const queue = await server.createQueue('events');
  QueueUrl = queue.QueueUrl;
  const QueueConfigurations = [{ QueueArn: queue.QueueArn, Events: ['s3:ObjectCreated:*' as const] }];
  const NotificationConfiguration = { QueueConfigurations };
  await server.send(new PutBucketNotificationConfigurationCommand({ Bucket: BUCKET, NotificationConfiguration }));
});
beforeEach(async () => {
  await server.setFaults([]);
  await heard();
});

/** So late that even a busy machine has received everything else before. */
const LATE_MS = 1000;

/** Receives and deletes all notifications, and returns their keys in order. */
async function heard(): Promise<readonly string[]> {
  const sqs = createSqsClient({ endpoint: server.endpoint() });
  const keys: string[] = [];
  for (;;) {
    const messages = await server.receive(QueueUrl);
    if (messages.length === 0) return keys;
    for (const { Body = '', ReceiptHandle } of messages) {
      keys.push(
        ...(JSON.parse(Body).Records ?? []).map((record: { s3: { object: { key: string } } }) => record.s3.object.key),
      );
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}

test('arrive once and in order without faults', async () => {
  for (const key of ['a', 'b', 'c']) await server.put(key);
  expect(await heard()).toEqual(['a', 'b', 'c']);
});

test('are dropped by key while the objects stay', async () => {
  await server.setFaults([{ fault: 'drop', target: `^${BUCKET}/lost/` }]);
  for (const key of ['lost/a', 'kept/b']) await server.put(key);
  expect(await heard()).toEqual(['kept/b']);
  expect((await server.get('lost/a')).bytes.toString()).toBe('x');
});

test('are duplicated', async () => {
  await server.setFaults([{ fault: 'duplicate', target: 'twice' }]);
  for (const key of ['once', 'twice']) await server.put(key);
  expect(await heard()).toEqual(['once', 'twice', 'twice']);
});

test('are duplicated with a delay', async () => {
  await server.setFaults([{ fault: 'duplicate', ms: LATE_MS }]);
  await server.put('late');
  expect(await heard()).toEqual(['late']);
  await expect.poll(heard, { timeout: 20 * LATE_MS }).toEqual(['late']);
});

test('are delayed', async () => {
  await server.setFaults([{ fault: 'delay', ms: LATE_MS, target: 'slow' }]);
  for (const key of ['slow', 'quick']) await server.put(key);
  expect(await heard()).toEqual(['quick']);
  await expect.poll(heard, { timeout: 20 * LATE_MS }).toEqual(['slow']);
});

test('are swapped with the next one, or arrive later without one', async () => {
  await server.setFaults([{ fault: 'reorder', target: 'first' }]);
  for (const key of ['first', 'second', 'third']) await server.put(key);
  expect(await heard()).toEqual(['second', 'first', 'third']);

  await server.put('first');
  expect(await heard()).toEqual([]);
  await expect.poll(heard, { timeout: 5000 }).toEqual(['first']);
});

test('that are delayed arrive when the faults are turned off', async () => {
  await server.setFaults([{ fault: 'delay', ms: 3_600_000 }]);
  await server.put('held');
  expect(await heard()).toEqual([]);
  await server.setFaults([]);
  expect(await heard()).toEqual(['held']);
  await sleep(20);
  expect(await heard()).toEqual([]);
});

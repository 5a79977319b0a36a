import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RECEIVE_ACTIONS } from './receive-actions.ts';
import { send } from './send-actions.ts';
import { openQueueStore } from './store.ts';

let directory: string;
let now = 1e12;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fedcardio-sqs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const DAY = 24 * 3600 * 1000;
const open = () => openQueueStore(directory, () => now);
const receive = (store: ReturnType<typeof open>) =>
  RECEIVE_ACTIONS.ReceiveMessage(
    { store, region: 'r', urlOf: (name) => name },
    { QueueUrl: 'q', MaxNumberOfMessages: 10, VisibilityTimeout: 60 },
  );

test('drops messages that are older than the retention period', async () => {
  const store = open();
  const attributes = { MessageRetentionPeriod: String(DAY / 1000), MaximumMessageSize: '1024', DelaySeconds: '0' };
  store.commit({
    op: 'queue',
    name: 'q',
    attributes: { ...attributes, VisibilityTimeout: '30', ReceiveMessageWaitTimeSeconds: '0' },
    tags: {},
    createdAt: now,
    modifiedAt: now,
  });
  const put = (MessageBody: string) => send(store, store.queue('q')!, { MessageBody, MessageAttributes: {} });
  put('old');
  now += DAY;
  put('new');
  now += 1;

  expect(await receive(store)).toMatchObject({ Messages: [{ Body: 'new' }] });
  store.close();
  const again = open();
  expect([...again.queue('q')!.messages.values()].map(({ body, receives }) => [body, receives])).toEqual([['new', 1]]);
  again.close();
});

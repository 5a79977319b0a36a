import { randomUUID } from 'node:crypto';
import {
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  type Message,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { useBackend } from '../helpers/backend.ts';

const backend = useBackend();

/** A queue that allows two receives, and its dead-letter queue. */
async function createPair() {
  const name = randomUUID();
  const dead = await backend.createQueue(`${name}-dead`);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.QueueArn, maxReceiveCount: 2 });
  const source = await backend.createQueue(name, { RedrivePolicy, VisibilityTimeout: '0' });
  const send = (MessageBody: string) =>
    backend.sqs().send(new SendMessageCommand({ QueueUrl: source.QueueUrl, MessageBody }));
  return { dead, source, send };
}

/** Receives until the queue is empty. */
async function exhaust(QueueUrl: string): Promise<readonly Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const some = await backend.receive(QueueUrl, { WaitTimeSeconds: 1 });
    if (some.length === 0) return messages;
    messages.push(...some);
  }
}

test('a message that was received twice and not deleted goes to the dead-letter queue', async () => {
  const { dead, source, send } = await createPair();
  const { MessageId } = await send('poison');
  const received = await exhaust(source.QueueUrl);
  const letters = await backend.receive(dead.QueueUrl, { WaitTimeSeconds: 10 });

  expect(received.map(({ Attributes }) => Attributes?.ApproximateReceiveCount)).toEqual(['1', '2']);
  expect(letters).toMatchObject([{ MessageId, Body: 'poison' }]);
});

test('dead letters name their source queue', async () => {
  const { dead, source } = await createPair();
  const { queueUrls } = await backend.sqs().send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead.QueueUrl }));
  expect(queueUrls).toEqual([source.QueueUrl]);
});

test('a redrive returns dead letters to their source queue with two more receives', async () => {
  const { dead, source, send } = await createPair();
  for (const body of ['a', 'b', 'c']) await send(body);
  await exhaust(source.QueueUrl);

  const SourceArn = dead.QueueArn;
  const { TaskHandle } = await backend.sqs().send(new StartMessageMoveTaskCommand({ SourceArn }));
  expect(TaskHandle).toBeTruthy();
  const state = async () => {
    const { Results = [] } = await backend.sqs().send(new ListMessageMoveTasksCommand({ SourceArn }));
    return [Results[0]?.Status, Results[0]?.ApproximateNumberOfMessagesMoved];
  };
  await expect.poll(state, { timeout: 50_000 }).toEqual(['COMPLETED', 3]);

  const again = await exhaust(source.QueueUrl);
  expect(again.map(({ Body }) => Body).toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  expect(await backend.receive(dead.QueueUrl, { WaitTimeSeconds: 2 })).toHaveLength(3);
});

test('a redrive requires a dead-letter queue', async () => {
  const { source } = await createPair();
  const start = (SourceArn: string) => backend.sqs().send(new StartMessageMoveTaskCommand({ SourceArn }));
  await expect(start(source.QueueArn)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  await expect(start(`${source.QueueArn}-missing`)).rejects.toMatchObject({
    name: expect.stringMatching(/ResourceNotFound/),
  });
});

import {
  CancelMessageMoveTaskCommand,
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { failure, useServer } from '../testing.ts';

const server = useServer();
const create = (QueueName: string, Attributes: Record<string, string> = {}) =>
  server.sqs().send(new CreateQueueCommand({ QueueName, Attributes }));
const send = (QueueUrl: string | undefined, MessageBody: string, rest: object = {}) =>
  server.sqs().send(new SendMessageCommand({ QueueUrl, MessageBody, ...rest }));
const deadLettersTo = (deadLetterTargetArn: string, maxReceiveCount = 1) =>
  JSON.stringify({ deadLetterTargetArn, maxReceiveCount });

describe('queues', () => {
  test('can be created again with the same attributes only', async () => {
    const first = await create('same', { VisibilityTimeout: '5' });
    expect(await create('same', { VisibilityTimeout: '5' })).toMatchObject({ QueueUrl: first.QueueUrl });
    await expect(create('same', { VisibilityTimeout: '6' })).rejects.toMatchObject(failure('QueueNameExists', 400));
  });

  test.each([
    ['a name with a dot', 'a.b', {}, 'InvalidParameterValue'],
    ['a FIFO queue', 'q', { FifoQueue: 'true' }, 'UnsupportedOperation'],
    ['an attribute that does not exist', 'q', { Colour: 'red' }, 'InvalidAttributeName'],
    ['a number out of range', 'q', { DelaySeconds: '901' }, 'InvalidAttributeValue'],
    [
      'a dead-letter queue that does not exist',
      'q',
      { RedrivePolicy: deadLettersTo('arn:aws:sqs:us-east-1:1:x') },
      'InvalidParameterValue',
    ],
    ['a policy that is not JSON', 'q', { RedrivePolicy: 'rubbish' }, 'InvalidParameterValue'],
  ])('are refused with %s', async (_what, name, attributes, code) => {
    await expect(create(name, attributes as Record<string, string>)).rejects.toMatchObject(failure(code, 400));
  });

  test('cannot be their own dead-letter queue', async () => {
    const { QueueUrl, QueueArn } = await server.createQueue('selfish');
    const Attributes = { RedrivePolicy: deadLettersTo(QueueArn) };
    await expect(server.sqs().send(new SetQueueAttributesCommand({ QueueUrl, Attributes }))).rejects.toMatchObject(
      failure('InvalidParameterValue', 400),
    );
  });

  test('lose a policy that is set to an empty value, and keep the rest', async () => {
    const { QueueUrl } = await create('policy', { Policy: '{}', DelaySeconds: '3' });
    await server.sqs().send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: '' } }));
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy', 'DelaySeconds'] });
    expect((await server.sqs().send(command)).Attributes).toEqual({ DelaySeconds: '3' });
  });

  test('are listed in pages, in the order of their names', async () => {
    for (const name of ['list-c', 'list-a', 'list-b']) await create(name);
    const page = (NextToken?: string) =>
      server.sqs().send(new ListQueuesCommand({ QueueNamePrefix: 'list-', MaxResults: 2, NextToken }));
    const first = await page();
    const second = await page(first.NextToken);
    const names = [first, second].map(({ QueueUrls = [] }) => QueueUrls.map((url) => url.split('/').at(-1)));
    expect(names).toEqual([['list-a', 'list-b'], ['list-c']]);
    expect(second.NextToken).toBeUndefined();
  });

  test('have tags', async () => {
    const { QueueUrl } = await create('tagged');
    await server.sqs().send(new TagQueueCommand({ QueueUrl, Tags: { a: '1', b: '2' } }));
    await server.sqs().send(new UntagQueueCommand({ QueueUrl, TagKeys: ['a'] }));
    expect((await server.sqs().send(new ListQueueTagsCommand({ QueueUrl }))).Tags).toEqual({ b: '2' });
  });
});

describe('messages', () => {
  test('have U+FFFD in place of characters that XML does not allow', async () => {
    const { QueueUrl } = await create('characters');
    await send(QueueUrl, 'a\u0000b\ufffec\u{1f600}');
    expect(await server.receive(QueueUrl)).toMatchObject([{ Body: 'a\ufffdb\ufffdc\u{1f600}' }]);
    await expect(send(QueueUrl, '\u0001\u0002')).rejects.toMatchObject(failure('InvalidMessageContents', 400));
  });

  test('have the requested attributes', async () => {
    const { QueueUrl } = await create('attributes');
    const attribute = { DataType: 'String', StringValue: 'x' };
    const MessageAttributes = { 'a.one': attribute, 'a.two': attribute, b: attribute };
    const asked = async (...MessageAttributeNames: string[]) => {
      const command = new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames, VisibilityTimeout: 0 });
      return Object.keys((await server.sqs().send(command)).Messages?.[0]?.MessageAttributes ?? {});
    };
    await send(QueueUrl, 'x', { MessageAttributes });
    expect([await asked(), await asked('b'), await asked('a.*'), await asked('All')]).toEqual([
      [],
      ['b'],
      ['a.one', 'a.two'],
      ['a.one', 'a.two', 'b'],
    ]);
  });

  test('are refused with a malformed receipt', async () => {
    const { QueueUrl } = await create('receipts');
    const answer = await fetch(server.endpoint(), {
      method: 'POST',
      headers: { 'x-amz-target': 'AmazonSQS.DeleteMessage' },
      body: JSON.stringify({ QueueUrl, ReceiptHandle: 'rubbish' }),
    });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ __type: 'com.amazonaws.sqs#ReceiptHandleIsInvalid' }),
    ]);
  });
});

describe('a redrive', () => {
  async function deadLetters(name: string, count: number) {
    const dead = await server.createQueue(`${name}-dead`);
    const RedrivePolicy = deadLettersTo(dead.QueueArn);
    const source = await create(name, { VisibilityTimeout: '0', RedrivePolicy });
    for (let i = 0; i < count; i++) await send(source.QueueUrl, `${i}`);
    while ((await server.receive(source.QueueUrl)).length > 0);
    return { dead, source };
  }
  const taskOf = async (SourceArn: string) =>
    (await server.sqs().send(new ListMessageMoveTasksCommand({ SourceArn }))).Results?.[0];

  test('can be throttled and cancelled, runs alone, and leaves the remaining messages', async () => {
    const { dead } = await deadLetters('slow', 3);
    const start = () =>
      server.sqs().send(new StartMessageMoveTaskCommand({ SourceArn: dead.QueueArn, MaxNumberOfMessagesPerSecond: 1 }));
    const { TaskHandle } = await start();
    await expect(start()).rejects.toMatchObject(failure('UnsupportedOperation', 400));
    await server.sqs().send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    await expect.poll(async () => (await taskOf(dead.QueueArn))?.Status, { timeout: 5000 }).toBe('CANCELLED');
    expect(await server.receive(dead.QueueUrl)).toHaveLength(3);
  });

  test('moves to a given queue, and fails without one for messages that were sent to the dead-letter queue', async () => {
    const { dead } = await deadLetters('told', 1);
    const other = await server.createQueue('told-other');
    await send(dead.QueueUrl, 'sent to the dead');
    const SourceArn = dead.QueueArn;
    await server.sqs().send(new StartMessageMoveTaskCommand({ SourceArn }));
    await expect
      .poll(() => taskOf(SourceArn))
      .toMatchObject({ Status: 'FAILED', FailureReason: 'CouldNotDetermineMessageSource' });
    await server.sqs().send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn: other.QueueArn }));
    await expect.poll(async () => (await taskOf(SourceArn))?.Status).toBe('COMPLETED');
    expect(await server.receive(other.QueueUrl)).toMatchObject([{ Body: 'sent to the dead' }]);
  });
});

test.each([
  ['null', 'null'],
  ['an array', '[]'],
  ['a number', '7'],
  ['a string', '"QueueUrl"'],
  ['true', 'true'],
  ['nothing', ''],
  ['an object as the URL of a queue', '{"QueueUrl":{"toString":1}}'],
  ['a number as the URL of a queue', '{"QueueUrl":7}'],
])('refuses %s as a request', async (_what, body) => {
  const answer = await fetch(server.endpoint(), {
    method: 'POST',
    headers: { 'x-amz-target': 'AmazonSQS.GetQueueAttributes' },
    body,
  });
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { __type: expect.stringMatching(/#(SerializationException|InvalidParameterValue)$/), message: expect.any(String) },
  ]);
});

test('refuses actions that are not implemented', async () => {
  const answer = await fetch(server.endpoint(), {
    method: 'POST',
    headers: { 'x-amz-target': 'AmazonSQS.AddPermission' },
    body: '{}',
  });
  expect([answer.status, await answer.json()]).toEqual([
    400,
    expect.objectContaining({ __type: 'com.amazonaws.sqs#UnsupportedOperation' }),
  ]);
});

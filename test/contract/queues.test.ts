import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, test } from 'vitest';
import { IS_LOCALSTACK, useBackend } from '../helpers/backend.ts';

const backend = useBackend();
const KIB = 1024;
let QueueUrl: string;

beforeEach(async () => {
  // A new queue for each test, because AWS allows one purge per minute.
  ({ QueueUrl } = await backend.createQueue(randomUUID(), { VisibilityTimeout: '30' }));
});

const send = (MessageBody: string, rest: object = {}) =>
  backend.sqs().send(new SendMessageCommand({ QueueUrl, MessageBody, ...rest }));
const receive = (rest: object = { WaitTimeSeconds: 5 }) => backend.receive(QueueUrl, rest);
const change = (ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
  backend.sqs().send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
const remove = (ReceiptHandle: string | undefined) =>
  backend.sqs().send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));

describe('messages', () => {
  test('arrive as sent, with their attributes', async () => {
    const body = 'ünï \u{1f600} <&> "quoted"\n\ttab';
    const MessageAttributes = {
      kind: { DataType: 'String', StringValue: 'tést' },
      count: { DataType: 'Number', StringValue: '3' },
      bytes: { DataType: 'Binary.x', BinaryValue: Uint8Array.of(0, 1, 255) },
    };
    const sent = await send(body, { MessageAttributes });
    const [message] = await receive();

    expect(sent.MD5OfMessageBody).toBe(createHash('md5').update(body).digest('hex'));
    // Computed by hand from lengths, names, types and values, sorted by name.
    expect(sent.MD5OfMessageAttributes).toBe(attributesDigest());
    expect(message).toMatchObject({
      MessageId: sent.MessageId,
      Body: body,
      MD5OfBody: sent.MD5OfMessageBody,
      MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
      MessageAttributes,
      Attributes: { ApproximateReceiveCount: '1' },
    });
    expect(Math.abs(Number(message?.Attributes?.SentTimestamp) - Date.now())).toBeLessThan(60_000);
  });

  test('are hidden after a receive, and visible again after the time-out', async () => {
    await send('again');
    const [first] = await receive({ WaitTimeSeconds: 5, VisibilityTimeout: 1 });
    expect(await receive({ WaitTimeSeconds: 0 })).toEqual([]);
    const [second] = await receive({ WaitTimeSeconds: 10 });

    expect(second).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } });
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
  });

  test('can be hidden longer or made visible at once by their receiver', async () => {
    await send('held');
    const [first] = await receive({ WaitTimeSeconds: 5, VisibilityTimeout: 1 });
    await change(first?.ReceiptHandle, 30);
    await sleep(1200);
    expect(await receive({ WaitTimeSeconds: 0 })).toEqual([]);
    await change(first?.ReceiptHandle, 0);
    expect(await receive()).toHaveLength(1);
  });

  test('can be deleted repeatedly', async () => {
    await send('done');
    const [message] = await receive({ WaitTimeSeconds: 5, VisibilityTimeout: 1 });
    await remove(message?.ReceiptHandle);
    await remove(message?.ReceiptHandle);
    expect(await receive({ WaitTimeSeconds: 2 })).toEqual([]);
    await expect(change(message?.ReceiptHandle, 5)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });

  test('are hidden during their delay', async () => {
    await send('late', { DelaySeconds: 2 });
    const before = performance.now();
    expect(await receive({ WaitTimeSeconds: 0 })).toEqual([]);
    expect(await receive({ WaitTimeSeconds: 10 })).toMatchObject([{ Body: 'late' }]);
    // The clock of the back end may be slightly ahead.
    expect(performance.now() - before).toBeGreaterThan(1500);
  });

  test('end a long poll, which otherwise ends at its time-out', async () => {
    expect(await receive({ WaitTimeSeconds: 1 })).toEqual([]);
    const waiting = receive({ WaitTimeSeconds: 20 });
    await sleep(100);
    const sent = performance.now();
    await send('wake up');
    expect(await waiting).toMatchObject([{ Body: 'wake up' }]);
    expect(performance.now() - sent).toBeLessThan(10_000);
  });

  test('go to one of the waiting receivers each', async () => {
    const waiting = Array.from({ length: 8 }, () => receive({ WaitTimeSeconds: 5, MaxNumberOfMessages: 1 }));
    await sleep(100);
    await Promise.all(Array.from({ length: 8 }, (_, i) => send(`${i}`)));
    const bodies = (await Promise.all(waiting)).flat().map(({ Body }) => Body);
    expect(bodies.toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
  });
});

describe('batches', () => {
  const entries = <T extends object>(count: number, rest: (i: number) => T) =>
    Array.from({ length: count }, (_, i) => ({ Id: `entry-${i}`, ...rest(i) }));
  const sendBatch = (Entries: { Id: string; MessageBody: string; DelaySeconds?: number }[]) =>
    backend.sqs().send(new SendMessageBatchCommand({ QueueUrl, Entries }));

  test('send, hide and delete ten at once', async () => {
    const { Successful = [] } = await sendBatch(entries(10, (i) => ({ MessageBody: `${i}` })));
    const messages: Message[] = [];
    while (messages.length < 10) messages.push(...(await receive()));
    const receipts = (rest: object = {}) =>
      messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle, ...rest }));
    const hidden = await backend
      .sqs()
      .send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: receipts({ VisibilityTimeout: 0 }) }));
    const again: Message[] = [];
    while (again.length < 10) again.push(...(await receive()));
    messages.splice(0, 10, ...again);
    const removed = await backend.sqs().send(new DeleteMessageBatchCommand({ QueueUrl, Entries: receipts() }));

    expect(messages.map(({ MessageId }) => MessageId).toSorted()).toEqual(
      Successful.map(({ MessageId }) => MessageId).toSorted(),
    );
    expect([hidden.Successful?.length, removed.Successful?.length]).toEqual([10, 10]);
    expect(await receive({ WaitTimeSeconds: 1 })).toEqual([]);
  });

  test('are refused if empty, too long, or with duplicate ids', async () => {
    await expect(sendBatch([])).rejects.toMatchObject({ name: expect.stringMatching(/EmptyBatchRequest/) });
    await expect(sendBatch(entries(11, () => ({ MessageBody: 'x' })))).rejects.toMatchObject({
      name: expect.stringMatching(/TooManyEntriesInBatchRequest/),
    });
    const same = [1, 2].map(() => ({ Id: 'same', MessageBody: 'x' }));
    await expect(sendBatch(same)).rejects.toMatchObject({ name: expect.stringMatching(/BatchEntryIdsNotDistinct/) });
    const long = entries(3, () => ({ MessageBody: 'x'.repeat(400 * KIB) }));
    await expect(sendBatch(long)).rejects.toMatchObject({ name: expect.stringMatching(/BatchRequestTooLong/) });
  });

  test('handle valid entries and report invalid ones', async () => {
    const { Successful, Failed } = await sendBatch([
      { Id: 'good', MessageBody: 'x' },
      { Id: 'bad', MessageBody: '\u0001' },
    ]);
    expect(Successful).toMatchObject([{ Id: 'good' }]);
    expect(Failed).toMatchObject([{ Id: 'bad' }]);
  });
});

describe('limits', () => {
  test('allow a message of 256 KiB, and none above the maximum of the queue', async () => {
    const { QueueUrl: url } = await backend.createQueue('limited', { MaximumMessageSize: String(256 * KIB) });
    const sendTo = (bytes: number) =>
      backend.sqs().send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x'.repeat(bytes) }));
    await sendTo(256 * KIB);
    await expect(sendTo(256 * KIB + 1)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    const [message] = await backend.receive(url, { WaitTimeSeconds: 5 });
    expect(message?.Body).toHaveLength(256 * KIB);
  });

  test.each<object>([
    { MaxNumberOfMessages: 11 },
    { WaitTimeSeconds: 21 },
    ...(IS_LOCALSTACK ? [] : [{ MaxNumberOfMessages: 0 }, { VisibilityTimeout: 43_201 }]),
  ])('of a receive are checked: %o', async (rest) => {
    await expect(receive(rest)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });
});

describe('queues', () => {
  test('report their number of messages', async () => {
    for (const body of ['a', 'b', 'c']) await send(body);
    await send('later', { DelaySeconds: 60 });
    await receive({ WaitTimeSeconds: 5, MaxNumberOfMessages: 1 });
    const count = async () => {
      const AttributeNames = ['All' as const];
      const answer = await backend.sqs().send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
      const Attributes: Readonly<Record<string, string>> = answer.Attributes ?? {};
      const of = (state: string) => Number(Attributes[`ApproximateNumberOfMessages${state}`]);
      return [of(''), of('NotVisible'), of('Delayed'), Number(Attributes.VisibilityTimeout)];
    };
    await expect.poll(count, { timeout: 20_000 }).toEqual([2, 1, 1, 30]);
  });

  test('do not exist before their creation', async () => {
    await expect(
      backend.sqs().send(new GetQueueUrlCommand({ QueueName: `fedcardio-${randomUUID()}` })),
    ).rejects.toMatchObject({ name: expect.stringMatching(/QueueDoesNotExist|NonExistentQueue/) });
  });
});

/** As described in the SQS developer guide. */
function attributesDigest(): string {
  const sized = (value: string | Uint8Array) => {
    const bytes = Buffer.from(value as string);
    return Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  };
  const bytes = Buffer.concat([
    ...['bytes', 'Binary.x'].map(sized),
    Buffer.from([2]),
    sized(Uint8Array.of(0, 1, 255)),
    ...['count', 'Number'].map(sized),
    Buffer.from([1]),
    sized('3'),
    ...['kind', 'String'].map(sized),
    Buffer.from([1]),
    sized('tést'),
  ]);
  return createHash('md5').update(bytes).digest('hex');
}

import { z } from 'zod';
import { type Action, action, arnOf, type Json, queueAt, queueNameOf, queueUrl, type SqsContext } from './action.ts';
import { redrivePolicyOf } from './attributes.ts';
import { batch, entriesOf } from './batch.ts';
import { SqsError } from './error.ts';
import { type Message, md5Of, md5OfAttributes } from './message.ts';
import type { Queue, QueueStore } from './store.ts';

const visibilityTimeout = z.int().min(0).max(43_200);
const names = z.array(z.string()).default([]);

const receiveMessage = action(
  z.strictObject({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: z.int().min(1).max(10).default(1),
    WaitTimeSeconds: z.int().min(0).max(20).optional(),
    VisibilityTimeout: visibilityTimeout.optional(),
    /** Older name of MessageSystemAttributeNames. */
    AttributeNames: names,
    MessageSystemAttributeNames: names,
    MessageAttributeNames: names,
    /** For FIFO queues only; ignored. */
    ReceiveRequestAttemptId: z.string().optional(),
  }),
  async (context, input) => {
    const queue = queueAt(context, input.QueueUrl);
    const { attributes } = queue;
    const timeout = input.VisibilityTimeout ?? Number(attributes.VisibilityTimeout);
    const wait = input.WaitTimeSeconds ?? Number(attributes.ReceiveMessageWaitTimeSeconds);
    const until = context.store.now() + wait * 1000;
    for (;;) {
      const messages = take(context.store, queue.name, input.MaxNumberOfMessages, timeout);
      if (messages.length > 0) {
        const system = new Set([...input.AttributeNames, ...input.MessageSystemAttributeNames]);
        return {
          Messages: messages.map((message) => described(context, message, system, input.MessageAttributeNames)),
        };
      }
      if (context.store.now() >= until || context.signal?.aborted) return {};
      await queue.waiters.wait(until, context.signal);
    }
  },
);

/** Receives and hides visible messages. Those that were received too often become dead letters instead. */
function take(store: QueueStore, name: string, max: number, timeout: number): readonly Message[] {
  const queue = store.queue(name);
  if (!queue) return [];
  const now = store.now();
  const policy = redrivePolicyOf(queue.attributes);
  const oldest = now - Number(queue.attributes.MessageRetentionPeriod) * 1000;
  const ids: string[] = [];
  while (ids.length < max) {
    const id = queue.visibility.take(now);
    const message = id === undefined ? undefined : queue.messages.get(id);
    if (!message) break;
    if (message.sentAt < oldest) store.commit({ op: 'delete', name, id: message.id });
    else if (policy && message.receives >= policy.maxReceiveCount)
      moveToDeadLetters(store, queue, message, policy.deadLetterTargetArn);
    else {
      ids.push(message.id);
      // Hidden even with a timeout of 0, so that this loop does not take it twice.
      queue.visibility.place(message.id, now + Math.max(timeout * 1000, 1), now);
    }
  }
  if (ids.length > 0) store.commit({ op: 'receive', name, ids, at: now });
  if (timeout === 0) for (const id of ids) queue.visibility.place(id, now, now);
  // The next waiter may receive the remaining messages.
  if (queue.visibility.visibleCount(now) > 0) queue.waiters.wake();
  return ids.map((id) => queue.messages.get(id) as Message);
}

/** A dead letter keeps its id, age and receive count, as on AWS. */
function moveToDeadLetters(store: QueueStore, queue: Queue, message: Message, targetArn: string): void {
  const to = queueNameOf(targetArn);
  const { id } = message;
  if (!store.queue(to)) {
    // Without its dead-letter queue the message stays where it is, as on AWS.
    queue.visibility.place(id, store.now() + Number(queue.attributes.VisibilityTimeout) * 1000, store.now());
    return;
  }
  const visibleAt = store.now();
  store.commit({ op: 'move', name: queue.name, id, to, message: { ...message, visibleAt, deadLetterOf: queue.name } });
}

function described(
  context: SqsContext,
  message: Message,
  system: ReadonlySet<string>,
  wanted: readonly string[],
): Json {
  const all: Readonly<Record<string, string | undefined>> = {
    SenderId: 'local',
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    DeadLetterQueueSourceArn: message.deadLetterOf && arnOf(context, message.deadLetterOf),
  };
  const asked = Object.entries(all).filter(([name, value]) => value && (system.has('All') || system.has(name)));
  const isWanted = (name: string) =>
    wanted.some(
      (each) => each === 'All' || each === name || (each.endsWith('.*') && name.startsWith(each.slice(0, -2))),
    );
  const attributes = Object.fromEntries(Object.entries(message.attributes).filter(([name]) => isWanted(name)));
  const MD5OfMessageAttributes = md5OfAttributes(attributes);
  return {
    MessageId: message.id,
    ReceiptHandle: receiptOf(message),
    MD5OfBody: md5Of(message.body),
    Body: message.body,
    ...(asked.length > 0 ? { Attributes: Object.fromEntries(asked) } : {}),
    ...(MD5OfMessageAttributes ? { MessageAttributes: attributes, MD5OfMessageAttributes } : {}),
  };
}

/** Valid until the message is received again. */
const receiptOf = ({ id, receives }: Message): string => Buffer.from(`${id} ${receives}`).toString('base64url');

/**
 * The message of a receipt; undefined if it was deleted, or received again.
 *
 * @throws SqsError ReceiptHandleIsInvalid for a malformed receipt
 */
function messageFor(queue: Queue, receipt: string): Message | undefined {
  const [, id, receives] = /^([0-9a-f-]{36}) (\d+)$/.exec(Buffer.from(receipt, 'base64url').toString()) ?? [];
  if (id === undefined) throw new SqsError('ReceiptHandleIsInvalid');
  const message = queue.messages.get(id);
  return message?.receives === Number(receives) ? message : undefined;
}

/** Deleting again or with an outdated receipt has no effect, as on AWS. */
function remove({ store }: SqsContext, queue: Queue, receipt: string): Json {
  const message = messageFor(queue, receipt);
  if (message) store.commit({ op: 'delete', name: queue.name, id: message.id });
  return {};
}

function changeVisibility({ store }: SqsContext, queue: Queue, receipt: string, seconds: number): Json {
  const message = messageFor(queue, receipt);
  const now = store.now();
  if (!message) {
    throw new SqsError(
      'InvalidParameterValue',
      'Message does not exist or is not available for visibility timeout change.',
    );
  }
  if (!queue.visibility.isHidden(message.id, now)) throw new SqsError('MessageNotInflight');
  queue.visibility.place(message.id, now + seconds * 1000, now);
  queue.waiters.wake();
  return {};
}

const receipt = { ReceiptHandle: z.string().min(1) };
const change = { ...receipt, VisibilityTimeout: visibilityTimeout };

const deleteMessage = action(z.strictObject({ QueueUrl: queueUrl, ...receipt }), (context, input) =>
  remove(context, queueAt(context, input.QueueUrl), input.ReceiptHandle),
);

const deleteMessageBatch = action(
  z.strictObject({ QueueUrl: queueUrl, Entries: entriesOf(receipt) }),
  (context, { QueueUrl, Entries }) => {
    const queue = queueAt(context, QueueUrl);
    return batch(Entries, ({ ReceiptHandle }) => remove(context, queue, ReceiptHandle));
  },
);

const changeMessageVisibility = action(z.strictObject({ QueueUrl: queueUrl, ...change }), (context, input) =>
  changeVisibility(context, queueAt(context, input.QueueUrl), input.ReceiptHandle, input.VisibilityTimeout),
);

const changeMessageVisibilityBatch = action(
  z.strictObject({ QueueUrl: queueUrl, Entries: entriesOf(change) }),
  (context, { QueueUrl, Entries }) => {
    const queue = queueAt(context, QueueUrl);
    return batch(Entries, (entry) => changeVisibility(context, queue, entry.ReceiptHandle, entry.VisibilityTimeout));
  },
);

export const RECEIVE_ACTIONS = {
  ChangeMessageVisibility: changeMessageVisibility,
  ChangeMessageVisibilityBatch: changeMessageVisibilityBatch,
  DeleteMessage: deleteMessage,
  DeleteMessageBatch: deleteMessageBatch,
  ReceiveMessage: receiveMessage,
} satisfies Readonly<Record<string, Action>>;

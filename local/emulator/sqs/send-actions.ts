import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Action, action, type Json, queueAt, queueUrl } from './action.ts';
import { batch, entriesOf } from './batch.ts';
import { SqsError } from './error.ts';
import { MAX_BYTES, md5Of, md5OfAttributes, messageAttributes, sizeOf, storedBody } from './message.ts';
import type { Queue, QueueStore } from './store.ts';

const outgoing = {
  MessageBody: z.string().min(1),
  MessageAttributes: messageAttributes.default({}),
  DelaySeconds: z.int().min(0).max(900).optional(),
};
type Outgoing = z.infer<z.ZodObject<typeof outgoing>>;

/**
 * Puts a message into a queue.
 *
 * @throws SqsError InvalidMessageContents, or InvalidParameterValue if it is too long
 */
export function send(store: QueueStore, queue: Queue, message: Outgoing): Json {
  const { MessageAttributes: attributes, DelaySeconds = Number(queue.attributes.DelaySeconds) } = message;
  const maxBytes = Number(queue.attributes.MaximumMessageSize);
  if (sizeOf(message.MessageBody, attributes) > maxBytes) {
    throw new SqsError(
      'InvalidParameterValue',
      `One or more parameters are invalid. Reason: Message must be shorter than ${maxBytes} bytes.`,
    );
  }
  const body = storedBody(message.MessageBody);
  const [id, now] = [randomUUID(), store.now()];
  const visibleAt = now + DelaySeconds * 1000;
  store.commit({
    op: 'send',
    name: queue.name,
    message: { id, body, attributes, sentAt: now, visibleAt, receives: 0 },
  });
  const MD5OfMessageAttributes = md5OfAttributes(attributes);
  // The digest of the body as sent, which the client compares.
  const MD5OfMessageBody = md5Of(message.MessageBody);
  return { MessageId: id, MD5OfMessageBody, ...(MD5OfMessageAttributes ? { MD5OfMessageAttributes } : {}) };
}

const sendMessage = action(z.strictObject({ QueueUrl: queueUrl, ...outgoing }), (context, { QueueUrl, ...message }) =>
  send(context.store, queueAt(context, QueueUrl), message),
);

const sendMessageBatch = action(
  z.strictObject({ QueueUrl: queueUrl, Entries: entriesOf(outgoing) }),
  (context, { QueueUrl, Entries }) => {
    const queue = queueAt(context, QueueUrl);
    const bytes = Entries.reduce(
      (sum, { MessageBody, MessageAttributes }) => sum + sizeOf(MessageBody, MessageAttributes),
      0,
    );
    if (bytes > MAX_BYTES) throw new SqsError('BatchRequestTooLong');
    return batch(Entries, (entry) => send(context.store, queue, entry));
  },
);

export const SEND_ACTIONS = { SendMessage: sendMessage, SendMessageBatch: sendMessageBatch } satisfies Readonly<
  Record<string, Action>
>;

import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandOutput,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeployedFunction, EventSource } from './deployment.ts';
import type { Functions } from './functions.ts';
import type { RoleCredentials } from './identities.ts';

export interface PollerOptions {
  readonly endpoint: string;
  readonly functions: Functions;
  readonly signal: AbortSignal;
}

/** Most messages of one receive call or delete call of SQS. */
const RECEIVE_MAX = 10;

/**
 * Passes a queue's messages to a function as Lambda's pollers do, with the function's role: a message that the function
 * does not report as failed is deleted; any other stays hidden for the queue's visibility time-out.
 */
export async function poll(
  source: EventSource,
  fn: DeployedFunction,
  credentials: RoleCredentials,
  { endpoint, functions, signal }: PollerOptions,
): Promise<void> {
  const [, , , region = '', account = '', queue = ''] = source.queueArn.split(':');
  const QueueUrl = `${endpoint}/${account}/${queue}`;
  const sqs = new SQSClient({
    endpoint,
    region,
    useQueueUrlAsEndpoint: false,
    credentials: {
      accessKeyId: credentials.AWS_ACCESS_KEY_ID,
      secretAccessKey: credentials.AWS_SECRET_ACCESS_KEY,
      sessionToken: credentials.AWS_SESSION_TOKEN,
    },
  });
  while (!signal.aborted) {
    const batch = await receive(sqs, QueueUrl, source, signal);
    if (batch.length === 0) continue;
    const { result, error } = await functions.invoke(fn.name, {
      Records: batch.map(recordOf(source.queueArn, region)),
    });
    const failed = error === undefined ? failuresOf(source, result, batch) : batch;
    const done = batch.filter((message) => !failed.includes(message));
    for (let start = 0; start < done.length; start += RECEIVE_MAX) {
      const Entries = done
        .slice(start, start + RECEIVE_MAX)
        .map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle: ReceiptHandle as string }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }
  sqs.destroy();
}

/** The next batch: what is there, and what comes within the window if the batch may hold more. */
async function receive(
  sqs: SQSClient,
  QueueUrl: string,
  { batchSize, windowSeconds }: EventSource,
  signal: AbortSignal,
): Promise<readonly Message[]> {
  const messages: Message[] = [];
  let until = Number.POSITIVE_INFINITY;
  while (messages.length < batchSize && performance.now() < until && !signal.aborted) {
    const seconds = messages.length === 0 ? 20 : Math.max(0, Math.ceil((until - performance.now()) / 1000));
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: Math.min(RECEIVE_MAX, batchSize - messages.length),
      WaitTimeSeconds: seconds,
      MessageSystemAttributeNames: ['All'],
    });
    const { Messages = [] } = await sqs
      .send(command, { abortSignal: signal })
      .catch((error): ReceiveMessageCommandOutput => {
        if (signal.aborted) return { $metadata: {} };
        throw error;
      });
    if (messages.length === 0 && Messages.length > 0) until = performance.now() + windowSeconds * 1000;
    messages.push(...Messages);
    if (windowSeconds === 0 && messages.length > 0) break;
  }
  return messages;
}

/** Lambda's record of a message (developer guide, "Using Lambda with Amazon SQS", standard queues). */
const recordOf =
  (queueArn: string, region: string) =>
  ({ MessageId, ReceiptHandle, Body, Attributes, MD5OfBody }: Message) => ({
    messageId: MessageId as string,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
    messageAttributes: {},
    md5OfBody: MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  });

/** The messages that the function reports as failed: all of them if it names one that was not in the batch. */
function failuresOf({ reportsFailures }: EventSource, result: unknown, batch: readonly Message[]): readonly Message[] {
  if (!reportsFailures) return [];
  const { batchItemFailures = [] } = (result ?? {}) as {
    readonly batchItemFailures?: readonly { readonly itemIdentifier: string }[];
  };
  const named = batchItemFailures.map(({ itemIdentifier }) =>
    batch.find(({ MessageId }) => MessageId === itemIdentifier),
  );
  const known = named.filter((message) => message !== undefined);
  return known.length < named.length ? batch : known;
}

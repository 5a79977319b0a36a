import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { QueueMessage, Queues } from '../storage/contract.ts';
import { type ConnectionOptions, createSqsClient } from './clients.ts';
import { attemptWith, queueError, serviceFailure } from './failures.ts';

/** Most messages per request. */
const BATCH = 10;

export interface QueueOptions extends ConnectionOptions {
  /** Account and region of a queue. Undefined values default to those of the credentials and `region`. */
  readonly placeOf?: (queue: string) => { readonly account?: string | undefined; readonly region?: string | undefined };
}

/** {@link Queues} on SQS. An aborted receive returns no messages. */
export function createQueues({ placeOf = () => ({}), ...options }: QueueOptions = {}): Queues {
  const clients = new Map<string | undefined, SQSClient>();
  const urls = new Map<string, string>();

  /** The client of a queue's region. An SQS endpoint serves only its own region. */
  function clientOf(queue: string): SQSClient {
    const { region = options.region } = placeOf(queue);
    const client = clients.get(region) ?? createSqsClient({ ...options, region });
    clients.set(region, client);
    return client;
  }

  /** A queue's URL, requested once. */
  async function urlOf(name: string): Promise<string> {
    const known = urls.get(name);
    if (known !== undefined) return known;
    const { account } = placeOf(name);
    const owner = account === undefined ? {} : { QueueOwnerAWSAccountId: account };
    const { QueueUrl } = await clientOf(name).send(new GetQueueUrlCommand({ QueueName: name, ...owner }));
    urls.set(name, QueueUrl as string);
    return QueueUrl as string;
  }

  return {
    send: (queue, body) =>
      attempt(`send to queue ${queue}`, async () => {
        await clientOf(queue).send(new SendMessageCommand({ QueueUrl: await urlOf(queue), MessageBody: body }));
      }),
    receive: async (queue, { max, waitSeconds, signal }) => {
      if (signal?.aborted) return [];
      try {
        const command = new ReceiveMessageCommand({
          QueueUrl: await urlOf(queue),
          MaxNumberOfMessages: max,
          WaitTimeSeconds: waitSeconds,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        });
        const { Messages } = await clientOf(queue).send(command, signal ? { abortSignal: signal } : {});
        return (Messages ?? []).map(messageOf);
      } catch (error) {
        if (signal?.aborted) return [];
        throw queueError(error, `receive from queue ${queue}`);
      }
    },
    delete: (queue, receipts) =>
      attempt(`delete messages of queue ${queue}`, async () => {
        for (let start = 0; start < receipts.length; start += BATCH) {
          const Entries = receipts
            .slice(start, start + BATCH)
            .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
          const { Failed } = await clientOf(queue).send(
            new DeleteMessageBatchCommand({ QueueUrl: await urlOf(queue), Entries }),
          );
          if (Failed?.[0]) throw new Error(`${Failed.length} of ${Entries.length} failed: ${Failed[0].Message}`);
        }
      }),
    changeVisibility: (queue, receipt, seconds) =>
      attempt(`change the visibility of a message of queue ${queue}`, async () => {
        const command = new ChangeMessageVisibilityCommand({
          QueueUrl: await urlOf(queue),
          ReceiptHandle: receipt,
          VisibilityTimeout: seconds,
        });
        await clientOf(queue)
          .send(command)
          .catch((error) => {
            if (!isReleased(error)) throw error;
          });
      }),
    depth: (queue) =>
      attempt(`measure queue ${queue}`, async () => {
        const { Attributes = {} } = await clientOf(queue).send(
          new GetQueueAttributesCommand({
            QueueUrl: await urlOf(queue),
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        );
        return {
          waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
          inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
        };
      }),
  };
}

/** Whether a message was not hidden any more, or was deleted: its time was over before its handler ended. */
function isReleased(error: unknown): boolean {
  const { name } = serviceFailure(error);
  return name.includes('MessageNotInflight') || /does not exist or is not available/.test((error as Error).message);
}

const messageOf = (message: Message): QueueMessage => ({
  id: message.MessageId as string,
  receipt: message.ReceiptHandle as string,
  body: message.Body as string,
  receiveCount: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
});

const attempt = attemptWith(queueError);

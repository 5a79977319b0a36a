import { buildApp } from 'fauxqs';

export type Json = Readonly<Record<string, unknown>>;

export interface SqsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
}

/** Something that does SQS actions. Queues are named in `QueueUrl`, by any URL that ends in their name. */
export interface SqsEngine {
  call(action: string, input: Json): Promise<SqsAnswer>;
  close(): Promise<void>;
}

/** What the engine can do, by AWS's names. */
export const SQS_ACTIONS = [
  'ChangeMessageVisibility',
  'ChangeMessageVisibilityBatch',
  'CreateQueue',
  'DeleteMessage',
  'DeleteMessageBatch',
  'DeleteQueue',
  'GetQueueAttributes',
  'GetQueueUrl',
  'ListQueues',
  'ListQueueTags',
  'PurgeQueue',
  'ReceiveMessage',
  'SendMessage',
  'SendMessageBatch',
  'SetQueueAttributes',
  'TagQueue',
  'UntagQueue',
] as const;

export const ACCOUNT = '000000000000';

/** One place, one region: without a signature fauxqs files all queues under its default one. */
const HOST = 'localhost';

/** fauxqs in this process, without a socket. It keeps everything in memory. Its S3 is not used. */
export async function createEngine(region: string): Promise<SqsEngine> {
  const app = buildApp({ logger: false, defaultRegion: region });
  await app.ready();
  return {
    async call(action, input) {
      const { QueueUrl } = input;
      const payload = { ...input, ...(typeof QueueUrl === 'string' ? { QueueUrl: innerUrl(QueueUrl, region) } : {}) };
      const response = await app.inject({
        method: 'POST',
        url: '/',
        headers: { host: HOST, 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
        payload: JSON.stringify(payload),
      });
      const error = response.headers['x-amzn-query-error'];
      return {
        status: response.statusCode,
        headers: typeof error === 'string' ? { 'x-amzn-query-error': error } : {},
        body: JSON.parse(response.body || '{}') as Json,
      };
    },
    close: () => app.close(),
  };
}

/** The URL under which fauxqs knows a queue. Clients see another, which stays the same when the port changes. */
const innerUrl = (queueUrl: string, region: string): string =>
  `http://sqs.${region}.${HOST}/${ACCOUNT}/${queueNameOf(queueUrl)}`;

/** The last part of a queue's URL or ARN. */
export const queueNameOf = (urlOrArn: string): string => urlOrArn.split(/[/:]/).at(-1) ?? '';

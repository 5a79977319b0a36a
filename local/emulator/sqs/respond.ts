import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { FaultSwitch } from '../faults/faults.ts';
import { CutConnection, withFault } from '../faults/with-fault.ts';
import type { RequestCounts } from '../request-counts.ts';
import { ACCOUNT, type Action, type Json, queueNameOf, type SqsContext } from './action.ts';
import { ACTIONS } from './actions.ts';
import { queryCodeOf, SqsError, statusOf } from './error.ts';
import { RECEIVE_ACTIONS } from './receive-actions.ts';
import type { QueueStore } from './store.ts';

export interface SqsServer {
  readonly store: QueueStore;
  readonly region: string;
  readonly counts: RequestCounts;
  readonly faults: FaultSwitch;
  /** Told of failures of our own, which clients see as InternalFailure. */
  readonly onFailure: (error: unknown) => void;
}

const TARGET = 'AmazonSQS.';
/** A batch of the largest messages, each character written as six. */
const MAX_REQUEST_BYTES = 7 * 1024 ** 2;

/** SQS's requests name their action in a header; nothing of S3 does. */
export const isSqsRequest = (message: IncomingMessage): boolean =>
  String(message.headers['x-amz-target'] ?? '').startsWith(TARGET);

/**
 * Answers one SQS request.
 *
 * @throws CutConnection when there shall be no answer
 */
export async function respond(server: SqsServer, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = String(message.headers['x-amz-target']).slice(TARGET.length);
  const host = message.headers.host ?? '127.0.0.1';
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  const context: SqsContext = {
    store: server.store,
    region: server.region,
    urlOf: (queue) => `http://${host}/${ACCOUNT}/${queue}`,
    signal: abort.signal,
  };
  const answer = await answerTo(server, context, name, message);
  if (answer.received && (await hasHungUp(response))) {
    giveBack(context, answer.received.url, answer.body);
    return;
  }
  const body = JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    ...answer.headers,
  });
  response.end(body);
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Json;
  /** When it holds messages, which must not get lost with the connection. */
  readonly received?: { readonly url: unknown };
}

async function answerTo(
  { counts, faults, onFailure }: SqsServer,
  context: SqsContext,
  name: string,
  message: IncomingMessage,
): Promise<Answer> {
  try {
    const input = await readJson(message);
    counts.add('sqs', name);
    const action: Action | undefined = Object.hasOwn(ACTIONS, name) ? ACTIONS[name as keyof typeof ACTIONS] : undefined;
    if (!action) throw new SqsError('UnsupportedOperation', `This server does not implement ${name}.`);
    const target = queueNameOf(String(input.QueueUrl ?? input.QueueName ?? input.SourceArn ?? ''));
    const rule = faults.active?.ofRequest({ operation: name, target, conditional: false, hasBody: true });
    const work = async () => action(context, input);
    const body = await (rule ? withFault(rule, { work, workOnHalf: cut, half: cut, refuse }) : work());
    return { status: 200, body, ...(body.Messages ? { received: { url: input.QueueUrl } } : {}) };
  } catch (error) {
    if (error instanceof CutConnection) throw error;
    if (error instanceof SqsError) {
      const headers = { 'x-amzn-query-error': `${queryCodeOf(error.code)};Sender` };
      const body = { __type: `com.amazonaws.sqs#${error.code}`, message: error.message };
      return { status: statusOf(error.code), headers, body };
    }
    if (!message.destroyed) onFailure(error);
    return { status: 500, body: { __type: 'com.amazonaws.sqs#InternalFailure', message: 'An error of the server.' } };
  }
}

/** Requests and answers are small: half of one is as good as none. */
function cut(): never {
  throw new CutConnection();
}

function refuse(): never {
  throw new SqsError('ServiceUnavailable');
}

/** Lets the news of a closed connection in first: a message may arrive in the same turn of the event loop. */
async function hasHungUp(response: ServerResponse): Promise<boolean> {
  await setImmediate();
  return response.destroyed || response.socket?.readableEnded !== false;
}

/** Messages for a client that has hung up would stay hidden until their visibility times out. */
function giveBack(context: SqsContext, QueueUrl: unknown, { Messages }: Json): void {
  for (const { ReceiptHandle } of Messages as readonly Json[]) {
    void RECEIVE_ACTIONS.ChangeMessageVisibility(context, { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
}

async function readJson(message: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
  }
  if (size > MAX_REQUEST_BYTES) throw new SqsError('SerializationException');
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as Json;
  } catch {
    throw new SqsError('SerializationException');
  }
}

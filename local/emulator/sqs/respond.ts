import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { diskFull, isDiskFull } from '../disk-full.ts';
import type { FaultSwitch } from '../faults/faults.ts';
import { CutConnection, type Refusal, withFault } from '../faults/with-fault.ts';
import { readBody } from '../request-body.ts';
import type { RequestCounts } from '../request-counts.ts';
import { foreignOriginOf } from '../same-origin.ts';
import { ACCOUNT, type Action, type Json, queueNameOf, type SqsContext } from './action.ts';
import { ACTIONS } from './actions.ts';
import { queryCodeOf, SqsError, statusOf } from './error.ts';
import { RECEIVE_ACTIONS } from './receive-actions.ts';
import type { QueueStore } from './store.ts';

export interface SqsServer {
  readonly store: QueueStore;
  readonly region: string;
  /** For messages. */
  readonly dataDir: string;
  readonly counts: RequestCounts;
  readonly faults: FaultSwitch;
  /** Receives internal failures, which clients see as InternalFailure. */
  readonly onFailure: (error: unknown) => void;
}

const TARGET = 'AmazonSQS.';
/** Size of the largest batch with each character escaped as six. */
const MAX_REQUEST_BYTES = 7 * 1024 ** 2;

/** SQS requests name their action in a header; S3 requests have no such header. */
export const isSqsRequest = (message: IncomingMessage): boolean =>
  String(message.headers['x-amz-target'] ?? '').startsWith(TARGET);

/**
 * Answers one SQS request.
 *
 * @throws CutConnection if the client gets no answer
 */
export async function respond(server: SqsServer, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = String(message.headers['x-amz-target']).slice(TARGET.length);
  const host = message.headers.host ?? '127.0.0.1';
  const abort = new AbortController();
  // An abort costs as much as the rest of a short request.
  response.once('close', () => response.writableFinished || abort.abort());
  const context: SqsContext = {
    store: server.store,
    region: server.region,
    urlOf: (queue) => `http://${host}/${ACCOUNT}/${queue}`,
    signal: abort.signal,
  };
  const answer = await answerTo(server, context, name, message);
  if (answer.received && (await hasHungUp(response))) {
    returnMessages(context, answer.received.url, answer.body);
    return;
  }
  // The rest of a refused request must be read, or the connection cannot be reused.
  message.resume();
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
  /** Set if the answer holds messages, which must not get lost with the connection. */
  readonly received?: { readonly url: unknown };
}

async function answerTo(
  { dataDir, counts, faults, onFailure }: SqsServer,
  context: SqsContext,
  name: string,
  message: IncomingMessage,
): Promise<Answer> {
  try {
    const foreign = foreignOriginOf(message);
    if (foreign !== undefined) throw new SqsError('AccessDeniedException', foreign);
    const input = await readJson(message);
    counts.add('sqs', name);
    const action: Action | undefined = Object.hasOwn(ACTIONS, name) ? ACTIONS[name as keyof typeof ACTIONS] : undefined;
    if (!action) throw new SqsError('UnsupportedOperation', `This server does not implement ${name}.`);
    const queue = input.QueueUrl ?? input.QueueName ?? input.SourceArn;
    const target = typeof queue === 'string' ? queueNameOf(queue) : '';
    const rule = faults.active?.ruleForRequest({ operation: name, target, conditional: false, hasBody: true });
    const work = async () => action(context, input);
    const body = await (rule
      ? withFault(rule, { work, runOnHalfBody: cut, half: cut, refuse, drop: () => undefined })
      : work());
    return { status: 200, body, ...(body.Messages ? { received: { url: input.QueueUrl } } : {}) };
  } catch (error) {
    if (error instanceof CutConnection) throw error;
    if (error instanceof SqsError) return failed(error);
    if (!message.destroyed) onFailure(error);
    if (isDiskFull(error)) return failed(new SqsError('InsufficientStorage', diskFull(dataDir)));
    return {
      status: 500,
      body: { __type: 'com.amazonaws.sqs#InternalFailure', message: 'An internal error occurred.' },
    };
  }
}

function failed(error: SqsError): Answer {
  const status = statusOf(error.code);
  const headers = { 'x-amzn-query-error': `${queryCodeOf(error.code)};${status < 500 ? 'Sender' : 'Receiver'}` };
  return { status, headers, body: { __type: `com.amazonaws.sqs#${error.code}`, message: error.message } };
}

/** Requests and answers are so small that half of one has the effect of none. */
function cut(): never {
  throw new CutConnection();
}

function refuse(fault: Refusal): never {
  throw new SqsError(fault === 'disk-full' ? 'InsufficientStorage' : 'ServiceUnavailable');
}

/** Handles pending socket events first, because the client may hang up in the turn in which a message arrives. */
async function hasHungUp(response: ServerResponse): Promise<boolean> {
  await setImmediate();
  return response.destroyed || response.socket?.readableEnded !== false;
}

/** Makes messages visible again that a client did not receive because it hung up. */
function returnMessages(context: SqsContext, QueueUrl: unknown, { Messages }: Json): void {
  for (const { ReceiptHandle } of Messages as readonly Json[]) {
    void RECEIVE_ACTIONS.ChangeMessageVisibility(context, { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
}

async function readJson(message: IncomingMessage): Promise<Json> {
  const bytes = await readBody(message, MAX_REQUEST_BYTES);
  if (!bytes) throw new SqsError('SerializationException');
  const input = parse(bytes);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new SqsError('SerializationException', 'The request is not a JSON object.');
  }
  return input as Json;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new SqsError('SerializationException');
  }
}

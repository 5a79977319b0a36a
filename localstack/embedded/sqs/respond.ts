import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { FaultSwitch, Faults } from '../faults/faults.ts';
import { CutConnection, withFault } from '../faults/with-fault.ts';
import type { RequestCounts } from '../request-counts.ts';
import { ACCOUNT, type Json, queueNameOf, type SqsAnswer, type SqsEngine } from './engine.ts';

export interface SqsContext {
  readonly engine: SqsEngine;
  readonly counts: RequestCounts;
  readonly faults: FaultSwitch;
}

const TARGET = 'AmazonSQS.';
const MAX_REQUEST_BYTES = 2 * 1024 ** 2;

/** SQS's requests name their action in a header; nothing of S3 does. */
export const isSqsRequest = (message: IncomingMessage): boolean =>
  String(message.headers['x-amz-target'] ?? '').startsWith(TARGET);

/**
 * Answers one SQS request. Queue URLs have the host that the client called, so that clients that follow them
 * come back.
 *
 * @throws CutConnection when there shall be no answer
 */
export async function respond(
  { engine, counts, faults }: SqsContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const action = String(message.headers['x-amz-target']).slice(TARGET.length);
  const input = await readJson(message);
  counts.add('sqs', action);
  const answer = input === undefined ? malformed() : await call(engine, action, input, faults.active);
  if (action === 'ReceiveMessage' && (await hasHungUp(response))) {
    await giveBack(engine, input?.QueueUrl, answer.body);
    return;
  }
  const body = JSON.stringify(withUrls(answer.body, message.headers.host ?? '127.0.0.1'));
  response.writeHead(answer.status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    ...answer.headers,
  });
  response.end(body);
}

function call(engine: SqsEngine, action: string, input: Json, faults: Faults | undefined): Promise<SqsAnswer> {
  const work = () => engine.call(action, input);
  const target = queueNameOf(String(input.QueueUrl ?? input.QueueName ?? ''));
  const rule = faults?.ofRequest({ operation: action, target, conditional: false, hasBody: true });
  if (!rule) return work();
  const cut = () => {
    throw new CutConnection();
  };
  // Requests and answers are small: half of one is as good as none.
  return withFault(rule, { work, workOnHalf: cut, half: cut, refuse: unavailable });
}

/** Lets the news of a closed connection in first: a message may arrive in the same turn of the event loop. */
async function hasHungUp(response: ServerResponse): Promise<boolean> {
  await setImmediate();
  return response.destroyed || response.socket?.readableEnded !== false;
}

/** Messages for a client that has hung up would stay hidden until their visibility times out. */
async function giveBack(engine: SqsEngine, QueueUrl: unknown, received: Json): Promise<void> {
  for (const { ReceiptHandle } of (received.Messages ?? []) as readonly Json[]) {
    await engine.call('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
}

function withUrls(body: Json, host: string): Json {
  const outer = (url: unknown) => `http://${host}/${ACCOUNT}/${queueNameOf(String(url))}`;
  return {
    ...body,
    ...(typeof body.QueueUrl === 'string' ? { QueueUrl: outer(body.QueueUrl) } : {}),
    ...(Array.isArray(body.QueueUrls) ? { QueueUrls: body.QueueUrls.map(outer) } : {}),
  };
}

async function readJson(message: IncomingMessage): Promise<Json | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
  }
  try {
    return size > MAX_REQUEST_BYTES ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as Json);
  } catch {
    return undefined;
  }
}

const unavailable = (): SqsAnswer => ({
  status: 503,
  headers: { 'x-amzn-query-error': 'ServiceUnavailable;Receiver' },
  body: { __type: 'com.amazonaws.sqs#ServiceUnavailable', message: 'Please reduce your request rate.' },
});

const malformed = (): SqsAnswer => ({
  status: 400,
  headers: {},
  body: {
    __type: 'com.amazon.coral.service#SerializationException',
    message: 'The request is not JSON, or too large.',
  },
});

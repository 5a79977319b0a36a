import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { diskFull, isDiskFull } from '../disk-full.ts';
import type { FaultSwitch } from '../faults/faults.ts';
import { CutConnection, withFault } from '../faults/with-fault.ts';
import type { RequestCounts } from '../request-counts.ts';
import { foreignOriginOf } from '../same-origin.ts';
import type { S3Context } from './context.ts';
import { S3Error } from './error.ts';
import { callOf, exchangeOf } from './fault-exchange.ts';
import { readRequest, type S3Response } from './request.ts';
import { routeOf } from './router.ts';
import { element, xmlDocument } from './xml.ts';

export interface S3Server {
  readonly context: S3Context;
  /** For messages. */
  readonly dataDir: string;
  readonly counts: RequestCounts;
  readonly faults: FaultSwitch;
  /** Receives internal failures, which clients see as InternalError. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Answers one S3 request.
 *
 * @throws CutConnection if the client gets no answer
 */
export async function respond(s3: S3Server, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = s3.context.store.newId().slice(0, 16).toUpperCase();
  const answer = await answerTo(s3, message, id);
  // The rest of a refused request must be read, or the connection cannot be reused.
  message.resume();
  const { status, headers, body } = answer;
  response.writeHead(status, {
    'x-amz-request-id': id,
    'x-amz-id-2': id,
    server: 'fedcardio',
    ...(typeof body === 'string'
      ? { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }
      : {}),
    ...(body === undefined && status !== 204 && status !== 304 ? { 'content-length': '0' } : {}),
    ...headers,
  });
  if (body === undefined || typeof body === 'string') {
    response.end(message.method === 'HEAD' ? undefined : body);
    return;
  }
  try {
    for await (const chunk of body) await written(message.socket, response, chunk);
    response.end();
  } catch (error) {
    response.destroy();
    // A client that disconnects is not a failure of the server.
    if (!isDisconnect(error) && !(error instanceof CutConnection)) s3.onFailure(error);
  }
}

/**
 * Writes a chunk. When it has ended, the chunk's memory may be used again. The socket says whether the client has gone: of pipelined
 * answers, only the first would hear it.
 */
function written(socket: Socket, response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(Object.assign(new Error('The client has gone.'), { code: 'ECONNRESET' }));
    if (socket.destroyed || response.destroyed) return onClose();
    socket.once('close', onClose);
    response.write(chunk, (error) => {
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function answerTo(
  { context, dataDir, counts, faults, onFailure }: S3Server,
  message: IncomingMessage,
  id: string,
): Promise<S3Response> {
  try {
    const foreign = foreignOriginOf(message);
    if (foreign !== undefined) throw new S3Error('AccessDenied', foreign);
    const request = readRequest(message, id);
    const { name, operation } = routeOf(request);
    counts.add('s3', name);
    const rule = faults.active?.ruleForRequest(callOf(name, request));
    if (rule) return await withFault(rule, exchangeOf(context, request, operation));
    return await operation(context, request);
  } catch (error) {
    if (error instanceof CutConnection) throw error;
    if (!(error instanceof S3Error) && !isDisconnect(error)) onFailure(error);
    const known = error instanceof S3Error ? error : failureOf(error, dataDir);
    const document = xmlDocument(
      'Error',
      element('Code', known.code),
      element('Message', known.message),
      element('Resource', (message.url ?? '/').replace(/\?.*/s, '')),
      element('RequestId', id),
    );
    return { status: known.status, headers: known.headers, body: document };
  }
}

const failureOf = (error: unknown, dataDir: string): S3Error =>
  isDiskFull(error) ? new S3Error('InsufficientStorage', diskFull(dataDir)) : new S3Error('InternalError');

const DISCONNECTS: readonly unknown[] = [
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECANCELED',
];

const isDisconnect = (error: unknown): boolean =>
  DISCONNECTS.includes((error as { readonly code?: unknown } | null)?.code);

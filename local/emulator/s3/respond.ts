import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { CutConnection, withFault } from '../faults/with-fault.ts';
import type { S3Context } from './context.ts';
import { S3Error } from './error.ts';
import { callOf, exchangeOf } from './faulty.ts';
import { readRequest, type S3Response } from './request.ts';
import { routeOf } from './router.ts';
import { element, xmlDocument } from './xml.ts';

/**
 * Answers one S3 request. Failures of our own go to `onFailure` and to the client as InternalError.
 *
 * @throws CutConnection when there shall be no answer
 */
export async function respond(
  context: S3Context,
  message: IncomingMessage,
  response: ServerResponse,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const id = context.store.newId().slice(0, 16).toUpperCase();
  const answer = await answerTo(context, message, id, onFailure);
  // What a refused request still sends must be taken, or the connection cannot be used again.
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
  // A client that goes away in the middle is no failure of ours.
  await pipeline(body, response).catch((error) => {
    if (!isDisconnect(error) && !(error instanceof CutConnection)) onFailure(error);
  });
}

async function answerTo(
  context: S3Context,
  message: IncomingMessage,
  id: string,
  onFailure: (error: unknown) => void,
): Promise<S3Response> {
  try {
    const request = readRequest(message, id);
    const { name, operation } = routeOf(request);
    context.counts.add('s3', name);
    const rule = context.faults.active?.ofRequest(callOf(name, request));
    if (rule) return await withFault(rule, exchangeOf(context, request, operation));
    return await operation(context, request);
  } catch (error) {
    if (error instanceof CutConnection) throw error;
    if (!(error instanceof S3Error) && !isDisconnect(error)) onFailure(error);
    const known = error instanceof S3Error ? error : new S3Error('InternalError');
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

const DISCONNECTS: readonly unknown[] = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'];

const isDisconnect = (error: unknown): boolean =>
  DISCONNECTS.includes((error as { readonly code?: unknown } | null)?.code);

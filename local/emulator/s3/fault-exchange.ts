import { Readable } from 'node:stream';
import type { Call } from '../faults/faults.ts';
import { CutConnection, type Exchange, firstHalf, type Refusal } from '../faults/with-fault.ts';
import type { Operation, S3Context } from './context.ts';
import { S3Error, type S3ErrorCode } from './error.ts';
import { header, type S3Request, type S3Response } from './request.ts';

const CONDITIONAL_WRITES: readonly string[] = ['PutObject', 'CopyObject', 'CompleteMultipartUpload'];

/** The properties of a request that fault rules match. */
export const callOf = (operation: string, request: S3Request): Call => ({
  operation,
  target: request.key === undefined ? (request.bucket ?? '') : `${request.bucket}/${request.key}`,
  conditional:
    CONDITIONAL_WRITES.includes(operation) &&
    (header(request, 'if-none-match') ?? header(request, 'if-match')) !== undefined,
  hasBody: bodyBytes(request) > 0,
});

const REFUSALS: Readonly<Record<Refusal, S3ErrorCode>> = {
  conflict: 'ConditionalRequestConflict',
  'slow-down': 'SlowDown',
  'disk-full': 'InsufficientStorage',
};

/** How an operation handles a request, and how each fault is injected. */
export const exchangeOf = (context: S3Context, request: S3Request, operation: Operation): Exchange<S3Response> => ({
  work: () => operation(context, request),
  runOnHalfBody: () => operation(context, { ...request, body: firstHalf(request.body, bodyBytes(request)) }),
  half,
  refuse(fault) {
    throw new S3Error(REFUSALS[fault]);
  },
  async drop({ body }) {
    // Its files are held until somebody has begun to read them and stopped.
    if (typeof body === 'object') for await (const _ of body) break;
  },
});

/** Bytes of the body as sent, or of its content if only that is known. */
const bodyBytes = (request: S3Request): number =>
  Number(header(request, 'content-length') ?? header(request, 'x-amz-decoded-content-length') ?? 0);

/** Sends all headers and half of the body, then closes the connection. */
function half(answer: S3Response): S3Response {
  const { body, headers } = answer;
  if (body === undefined || body === '') throw new CutConnection();
  if (typeof body !== 'string') {
    const bytes = Number(headers?.['content-length']);
    return { ...answer, body: firstHalf(body, bytes) };
  }
  const bytes = Buffer.from(body);
  const document = { 'content-type': 'application/xml', 'content-length': String(bytes.length) };
  return {
    ...answer,
    headers: { ...document, ...headers },
    body: firstHalf(Readable.from([bytes]), bytes.length),
  };
}

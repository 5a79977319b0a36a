import { Readable } from 'node:stream';
import type { Call } from '../faults/faults.ts';
import { CutConnection, type Exchange, firstHalf } from '../faults/with-fault.ts';
import type { Operation, S3Context } from './context.ts';
import { S3Error } from './error.ts';
import { header, type S3Request, type S3Response } from './request.ts';

const CONDITIONAL_WRITES: readonly string[] = ['PutObject', 'CopyObject', 'CompleteMultipartUpload'];

/** What rules may look at of a request. */
export const callOf = (operation: string, request: S3Request): Call => ({
  operation,
  target: request.key === undefined ? (request.bucket ?? '') : `${request.bucket}/${request.key}`,
  conditional:
    CONDITIONAL_WRITES.includes(operation) &&
    (header(request, 'if-none-match') ?? header(request, 'if-match')) !== undefined,
  hasBody: bodyBytes(request) > 0,
});

/** An operation, and what of it can go wrong. */
export const exchangeOf = (context: S3Context, request: S3Request, operation: Operation): Exchange<S3Response> => ({
  work: () => operation(context, request),
  workOnHalf: () => operation(context, { ...request, body: firstHalf(request.body, bodyBytes(request)) }),
  half,
  refuse(fault) {
    throw new S3Error(fault === 'conflict' ? 'ConditionalRequestConflict' : 'SlowDown');
  },
});

/** Of a body in chunks of unknown framing, what is in the chunks. */
const bodyBytes = (request: S3Request): number =>
  Number(header(request, 'content-length') ?? header(request, 'x-amz-decoded-content-length') ?? 0);

/** Half the body with the headers of the whole, and then the connection's end. */
function half(answer: S3Response): S3Response {
  const { body, headers } = answer;
  if (body === undefined || body === '') throw new CutConnection();
  if (typeof body !== 'string') {
    const bytes = Number(headers?.['content-length']);
    return { ...answer, body: Readable.from(firstHalf(body, bytes), { objectMode: false }) };
  }
  const bytes = Buffer.from(body);
  const document = { 'content-type': 'application/xml', 'content-length': String(bytes.length) };
  return {
    ...answer,
    headers: { ...document, ...headers },
    body: Readable.from(firstHalf(Readable.from([bytes]), bytes.length), { objectMode: false }),
  };
}

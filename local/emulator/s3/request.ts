import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { bodyOf } from '../request-body.ts';
import { S3Error } from './error.ts';

/** A parsed request. */
export interface S3Request {
  readonly id: string;
  readonly method: string;
  /** Undefined for requests to the service. */
  readonly bucket: string | undefined;
  /** Undefined for requests to a bucket. */
  readonly key: string | undefined;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A document, or an object's bytes, each chunk of which is valid until the next one is asked for. */
  readonly body?: string | AsyncIterable<Uint8Array>;
}

/** Parses a path-style request. The path is not normalised, because `..` and `//` are legal in keys. */
export function readRequest(message: IncomingMessage, id: string): S3Request {
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const [, bucket = '', rest] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  const parameters = [...new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))];
  // A presigned URL carries headers as parameters, including its signature.
  const isHeader = ([name]: readonly [string, string]) => /^x-amz-/i.test(name);
  const fromQuery = parameters.filter(isHeader).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    id,
    method: message.method ?? 'GET',
    bucket: decode(bucket) || undefined,
    key: decode(rest ?? '') || undefined,
    query: new URLSearchParams(parameters.filter((parameter) => !isHeader(parameter))),
    headers: { ...Object.fromEntries(fromQuery), ...message.headers },
    body: bodyOf(message),
  };
}

/** @throws S3Error InvalidURI for a broken %-escape */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI');
  }
}

/** A header's single value. */
export function header(request: S3Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/** @throws S3Error InvalidArgument unless the parameter is a whole number within the bounds */
export function integer(text: string | null | undefined, name: string, low: number, high: number): number | undefined {
  if (text === null || text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    throw new S3Error('InvalidArgument', `${name} must be a whole number from ${low} to ${high}.`);
  }
  return value;
}

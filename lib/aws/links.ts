import { open } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { FedcardioError, systemError } from '../error.ts';
import { type ConnectionOptions, connection } from './clients.ts';
import { storageError } from './failures.ts';
import { httpsAgentFor } from './proxy.ts';

/** Signs URLs for the objects of a bucket. Nothing is requested. */
export interface LinkSigner {
  /**
   * A URL that stores one object.
   *
   * @param bytes the only size that S3 then accepts; any up to 5 GB if undefined
   */
  upload(key: string, bytes: number | undefined): Promise<string>;
  /** A URL that reads one object. */
  read(key: string): Promise<string>;
}

/** @param seconds validity; a URL dies earlier if the credentials that signed it expire */
export function createLinkSigner(options: ConnectionOptions, bucket: string, seconds: number): LinkSigner {
  const s3 = new S3Client({
    ...connection(options, 1),
    forcePathStyle: Boolean(options.endpoint),
    // Otherwise the URL would demand the checksum of an empty object.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const sign = async (work: () => Promise<string>) => {
    try {
      return await work();
    } catch (error) {
      throw storageError(error, 'sign a link');
    }
  };
  return {
    upload: (Key, bytes) =>
      sign(() =>
        getSignedUrl(
          s3,
          new PutObjectCommand({ Bucket: bucket, Key, ...(bytes === undefined ? {} : { ContentLength: bytes }) }),
          {
            expiresIn: seconds,
            ...(bytes === undefined ? {} : { signableHeaders: new Set(['host', 'content-length']) }),
          },
        ),
      ),
    read: (Key) => sign(() => getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key }), { expiresIn: seconds })),
  };
}

/** What a server answered to a link. */
export interface LinkAnswer {
  readonly status: number;
  readonly etag: string;
  /** The server's clock, and when the object was written. */
  readonly date: Date;
  readonly lastModified: Date;
  readonly body: string;
}

/** An answer that is longer is no document of intake. */
const MOST_BYTES = 1024 * 1024;
const SILENCE_MS = 120_000;

/**
 * Sends a file to a signed URL, without credentials, through the proxy of the environment.
 *
 * @throws FedcardioError STORAGE with S3's reason if it refuses, STORAGE_UNAVAILABLE if it cannot be reached
 */
export async function uploadToLink(url: string, path: string, signal: AbortSignal): Promise<LinkAnswer> {
  const file = await open(path).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
  try {
    const { size } = await file.stat();
    const answer = await exchange(url, 'PUT', signal, async (request) => {
      request.setHeader('content-length', size);
      await pipeline(file.createReadStream({ autoClose: false }), request);
    });
    if (answer.status === 200) return answer;
    throw refusal(answer, path);
  } finally {
    await file.close();
  }
}

/** Reads the object of a signed URL; undefined if there is none. Throws like {@link uploadToLink}. */
export async function readLink(url: string, signal: AbortSignal): Promise<LinkAnswer | undefined> {
  const answer = await exchange(url, 'GET', signal, async (request) => void request.end());
  if (answer.status === 404) return undefined;
  if (answer.status === 200) return answer;
  throw refusal(answer, new URL(url).pathname);
}

function refusal({ status, body }: LinkAnswer, what: string): FedcardioError {
  const reason = /<Message>([^<]{1,300})<\/Message>/.exec(body)?.[1] ?? `status ${status}`;
  const isOver = /expired|ExpiredToken/i.test(body);
  return new FedcardioError(status >= 500 ? 'STORAGE_UNAVAILABLE' : 'STORAGE', `${what} was refused: ${reason}.`, {
    hint: isOver ? 'The links have expired. Ask for a new invitation.' : 'Ask whoever sent you the invitation.',
  });
}

async function exchange(
  url: string,
  method: string,
  signal: AbortSignal,
  send: (request: ReturnType<typeof httpRequest>) => Promise<void>,
): Promise<LinkAnswer> {
  const { origin, protocol } = new URL(url);
  const agent = protocol === 'https:' ? httpsAgentFor(origin, {}) : undefined;
  const isAgent = agent !== undefined && 'connect' in agent;
  const start = protocol === 'https:' ? httpsRequest : httpRequest;
  try {
    const request = start(url, { method, signal, timeout: SILENCE_MS, ...(isAgent ? { agent } : {}) });
    request.on('timeout', () => request.destroy(new Error('The storage is silent.')));
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    // A server that refuses may answer before it has read the body.
    const sent = send(request).catch((error: unknown) => error);
    const answer = await response;
    const body = await textOf(answer);
    await sent;
    const time = (name: 'date' | 'last-modified') => new Date(answer.headers[name] ?? Number.NaN);
    return {
      status: answer.statusCode ?? 0,
      etag: answer.headers.etag ?? '',
      date: time('date'),
      lastModified: time('last-modified'),
      body,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw storageError(error, `reach ${origin}`);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

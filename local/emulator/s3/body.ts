import type { Segment } from './blobs.ts';
import { type Checksum, createDigest, type DeclaredChecksum, type Digest, declaredChecksum } from './checksums.ts';
import { decodeChunked } from './chunked.ts';
import { S3Error } from './error.ts';
import type { BodyHash, HashThread } from './hash-thread.ts';
import { header, type S3Request } from './request.ts';
import type { Store } from './store.ts';

const MAX_PUT_BYTES = 5 * 1024 ** 3;
const MAX_DOCUMENT_BYTES = 4 * 1024 ** 2;

export interface ReceivedBody {
  readonly segment: Segment;
  /** MD5 in hexadecimal. */
  readonly md5: string;
  readonly checksum: Checksum | undefined;
}

/**
 * Streams a request's body to a file, and checks its length, Content-MD5, checksum (header or trailer) and the SHA-256
 * of the signature. A body that does not match leaves no file.
 *
 * @throws S3Error BadDigest, IncompleteBody, XAmzContentSHA256Mismatch, …
 */
export async function receiveBody(
  request: S3Request,
  { blobs, hashes }: Pick<Store, 'blobs' | 'hashes'>,
): Promise<ReceivedBody> {
  const check = createBodyCheck(request, hashes);
  try {
    const segment = await blobs.write(check.bytes());
    return { segment, ...check.result() };
  } finally {
    check.release();
  }
}

/** A small document as text, checked like any body. */
export async function receiveDocument(request: S3Request): Promise<string> {
  const check = createBodyCheck(request);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of check.bytes()) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BYTES) throw new S3Error('EntityTooLarge');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** From this size on, a body is worth the way to the thread. */
const LARGE_BYTES = 4 * 1024 ** 2;

/** @param thread for large bodies; small documents need none */
function createBodyCheck(request: S3Request, thread?: HashThread) {
  const declared = declaredChecksum(request.headers);
  const trailers = new Map<string, string>();
  const length = declaredLength(request);
  const contentMd5 = header(request, 'content-md5');
  if (contentMd5 !== undefined && Buffer.from(contentMd5, 'base64').length !== 16) throw new S3Error('InvalidDigest');
  const signedHash = /^[0-9a-f]{64}$/i.exec(header(request, 'x-amz-content-sha256') ?? '')?.[0].toLowerCase();

  const algorithms = signedHash === undefined ? (['md5'] as const) : (['md5', 'sha256'] as const);
  const apart = length >= LARGE_BYTES ? thread?.open(algorithms) : undefined;
  const checksum = declared && createDigest(declared.algorithm);
  let result: Omit<ReceivedBody, 'segment'>;

  async function* received(): AsyncGenerator<Uint8Array> {
    const source = isChunked(request) ? decodeChunked(request.body, trailers) : request.body;
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > length) throw new S3Error('IncompleteBody');
      checksum?.update(chunk);
      yield chunk;
    }
    // Thrown before the generator ends, so that the writer discards the bytes.
    if (bytes !== length) throw new S3Error('IncompleteBody');
  }

  async function* bytes(): AsyncGenerator<Uint8Array> {
    const [md5, sha256] = yield* apart ? hashedApart(received(), apart) : hashedHere(received(), algorithms);
    if (contentMd5 !== undefined && contentMd5 !== md5?.toString('base64')) throw new S3Error('BadDigest');
    if (sha256 && sha256.toString('hex') !== signedHash) throw new S3Error('XAmzContentSHA256Mismatch');
    result = {
      md5: (md5 as Buffer).toString('hex'),
      checksum: declared && checked(declared, checksum as Digest, trailers),
    };
  }

  return { bytes, result: () => result, release: () => apart?.release() };
}

/** Passes a body on as it comes. Returns its digests. */
async function* hashedHere(
  source: AsyncIterable<Uint8Array>,
  algorithms: readonly ('md5' | 'sha256')[],
): AsyncGenerator<Uint8Array, readonly Buffer[]> {
  const digests = algorithms.map(createDigest);
  for await (const chunk of source) {
    for (const digest of digests) digest.update(chunk);
    yield chunk;
  }
  return digests.map((digest) => digest.digest());
}

/** Passes a body on in blocks, each of which is hashed while it is written. Returns the body's digests. */
async function* hashedApart(
  source: AsyncIterable<Uint8Array>,
  { block, update, digests }: BodyHash,
): AsyncGenerator<Uint8Array, readonly Buffer[]> {
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + block.length - filled);
      block.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < block.length) continue;
      const hashed = update(filled);
      // The writer may fail before this is awaited.
      hashed.catch(() => undefined);
      yield block;
      await hashed;
      filled = 0;
    }
  }
  if (filled > 0) {
    await update(filled);
    yield block.subarray(0, filled);
  }
  return digests();
}

function checked(declared: DeclaredChecksum, digest: Digest, trailers: ReadonlyMap<string, string>): Checksum {
  const { algorithm } = declared;
  const expected = declared.value ?? trailers.get(`x-amz-checksum-${algorithm}`);
  const value = digest.digest().toString('base64');
  if (expected === undefined)
    throw new S3Error('InvalidRequest', `The trailer x-amz-checksum-${algorithm} is missing.`);
  if (expected !== value) {
    throw new S3Error(
      'BadDigest',
      `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    );
  }
  return { algorithm, type: 'FULL_OBJECT', value };
}

const isChunked = (request: S3Request): boolean =>
  header(request, 'x-amz-content-sha256')?.startsWith('STREAMING-') === true ||
  /\baws-chunked\b/.test(header(request, 'content-encoding') ?? '');

function declaredLength(request: S3Request): number {
  const text = isChunked(request)
    ? header(request, 'x-amz-decoded-content-length')
    : (header(request, 'content-length') ?? (header(request, 'transfer-encoding') ? undefined : '0'));
  const length = Number(text);
  if (text === undefined || !/^\d+$/.test(text)) throw new S3Error('MissingContentLength');
  if (length > MAX_PUT_BYTES) throw new S3Error('EntityTooLarge');
  return length;
}

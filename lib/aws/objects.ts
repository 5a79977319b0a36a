import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { FedcardioError, isFedcardioError } from '../error.ts';
import type {
  ObjectInfo,
  ObjectStore,
  ObjectVersion,
  OpenBucket,
  PutOptions,
  StoredObject,
} from '../storage/contract.ts';
import { type ConnectionOptions, createS3Client } from './clients.ts';
import { attemptWith, isMissingObject, objectError, serviceFailure } from './failures.ts';
import { putParts } from './multipart.ts';

/**
 * Buckets of S3 or of a compatible server.
 *
 * The SDK repeats a conditional write whose response was lost, and the repeat then fails on the caller's own success. After
 * `PRECONDITION_FAILED` or `exists`, compare the stored object before attributing it to another writer.
 */
export function createObjectStorage(options: ConnectionOptions = {}): OpenBucket {
  const s3 = createS3Client(options);
  return <K extends string>(bucket: string) => openBucket<K>(s3, bucket);
}

function openBucket<K extends string>(s3: S3Client, bucket: string): ObjectStore<K> {
  const uri = (key: string) => uriOf(bucket, key);

  const put = async (key: K, body: Uint8Array | string, options: PutOptions = {}) => {
    const command = () =>
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        // Bytes, because the SDK treats an empty string as a body of unknown length.
        Body: typeof body === 'string' ? Buffer.from(body) : body,
        ContentType: options.contentType,
        Metadata: options.metadata as Record<string, string> | undefined,
        IfNoneMatch: options.ifNoneMatch,
        IfMatch: options.ifMatch,
      });
    const { ETag } = await attempt(`write ${uri(key)}`, () => retryConflicts(() => s3.send(command())));
    return { etag: ETag ?? '' };
  };

  const fetchObject = (key: K) => s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const read = async (key: K, maxBytes = Number.POSITIVE_INFINITY): Promise<StoredObject> => {
    const output = await fetchObject(key);
    const bytes = output.ContentLength ?? 0;
    if (bytes > maxBytes) {
      (output.Body as Readable).destroy();
      throw new FedcardioError('BAD_MESSAGE', `${uri(key)} has ${bytes} bytes, ${maxBytes} are allowed.`);
    }
    return { body: await bytesOf(output), etag: output.ETag ?? '' };
  };

  return {
    bucket,
    put,
    get: (key) => attempt(`read ${uri(key)}`, () => read(key)),
    tryGet: (key, maxBytes) =>
      orUndefined(`read ${uri(key)}`, async () => {
        try {
          return await read(key, maxBytes);
        } catch (error) {
          if (serviceFailure(error).status === 403 && (await isMissing(s3, bucket, key))) return undefined;
          throw error;
        }
      }),
    getRange: (key, start, end, into) => getRange(s3, bucket, key, start, end, into),
    stream: (key) => attempt(`read ${uri(key)}`, async () => (await fetchObject(key)).Body as Readable),
    head: (key) =>
      orUndefined(`look up ${uri(key)}`, async () => {
        const output = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
        return infoOf(key, output.ContentLength, output.ETag, output.LastModified);
      }),
    putIfAbsent: async (key, body) => {
      try {
        await put(key, body, { ifNoneMatch: '*' });
        return 'created';
      } catch (error) {
        if (isFedcardioError(error, 'PRECONDITION_FAILED')) return 'exists';
        throw error;
      }
    },
    putParts: (key, parts, onStored) =>
      attempt(`write ${uri(key)}`, () => putParts(s3, { Bucket: bucket, Key: key }, parts, onStored)),
    list: (prefix) => list(s3, bucket, prefix),
    folders: (prefix) => folders(s3, bucket, prefix),
    delete: async (key) => {
      await attempt(`delete ${uri(key)}`, () => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
    },
    versions: (prefix) => versions(s3, bucket, prefix),
    deleteVersion: async (key, version) => {
      const command = () => new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version });
      await attempt(`delete version ${version} of ${uri(key)}`, () => s3.send(command()));
    },
  };
}

async function getRange(
  s3: S3Client,
  bucket: string,
  key: string,
  start: number,
  end: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  if (end <= start) return new Uint8Array();
  // HTTP ranges include their last byte.
  const command = () => new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${start}-${end - 1}` });
  return attempt(`read bytes ${start} to ${end} of ${uriOf(bucket, key)}`, async () => {
    try {
      return await withBody(s3, command, (output) =>
        into ? copyBody(output.Body as Readable, into) : bytesOf(output),
      );
    } catch (error) {
      if (serviceFailure(error).status === 416) return new Uint8Array();
      throw error;
    }
  });
}

const BODY_ATTEMPTS = 3;
/** The delays before the attempts, random up to 50 ms · 2ⁿ, add up to at most 13 s. */
const CONFLICT_ATTEMPTS = 9;

/** Repeats a request whose body is interrupted. The SDK retries only until the headers of the response. */
async function withBody<T>(
  s3: S3Client,
  command: () => GetObjectCommand,
  take: (output: GetObjectCommandOutput) => Promise<T>,
): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    const output = await s3.send(command());
    try {
      return await take(output);
    } catch (error) {
      if (attempts === BODY_ATTEMPTS) throw error;
    }
  }
}

/** Uses events because `for await` takes 1.5 times as long. */
async function copyBody(body: Readable, into: Uint8Array): Promise<Uint8Array> {
  let filled = 0;
  body.on('data', (chunk: Uint8Array) => {
    // The server may send more than requested: excess bytes are dropped here and detected below.
    into.set(chunk.subarray(0, into.length - filled), filled);
    filled += chunk.length;
  });
  await finished(body);
  if (filled > into.length) throw new Error(`received ${filled} bytes, requested ${into.length}`);
  return into.subarray(0, filled);
}

async function* list<K extends string>(s3: S3Client, bucket: string, prefix: K): AsyncIterable<ObjectInfo<K>> {
  for await (const { Contents = [] } of pages(s3, { Bucket: bucket, Prefix: prefix })) {
    for (const object of Contents) yield infoOf(object.Key as K, object.Size, object.ETag, object.LastModified);
  }
}

async function* folders<K extends string>(s3: S3Client, bucket: string, prefix: K): AsyncIterable<K> {
  for await (const { CommonPrefixes = [] } of pages(s3, { Bucket: bucket, Prefix: prefix, Delimiter: '/' })) {
    for (const folder of CommonPrefixes) yield folder.Prefix as K;
  }
}

async function* versions<K extends string>(s3: S3Client, bucket: string, prefix: K): AsyncIterable<ObjectVersion<K>> {
  let page: ListObjectVersionsCommandOutput | undefined;
  do {
    const after = { KeyMarker: page?.NextKeyMarker, VersionIdMarker: page?.NextVersionIdMarker };
    page = await attempt(`list the versions of ${uriOf(bucket, prefix)}`, () =>
      s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...after })),
    );
    const found = [
      ...(page.Versions ?? []).map((one) => ({ ...one, isMarker: false })),
      ...(page.DeleteMarkers ?? []).map((one) => ({ ...one, Size: 0, isMarker: true })),
    ];
    // The SDK separates markers from versions: the order within the page is restored.
    const time = ({ LastModified }: (typeof found)[number]) => LastModified?.getTime() ?? 0;
    found.sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.Key ?? ''), Buffer.from(b.Key ?? '')) ||
        Number(b.IsLatest ?? false) - Number(a.IsLatest ?? false) ||
        time(b) - time(a),
    );
    for (const { Key, VersionId = 'null', Size = 0, IsLatest = false, isMarker } of found) {
      yield { key: Key as K, version: VersionId, bytes: Size, isLatest: IsLatest, isMarker };
    }
  } while (page.IsTruncated);
}

async function* pages(s3: S3Client, input: ListObjectsV2CommandInput): AsyncIterable<ListObjectsV2CommandOutput> {
  try {
    yield* paginateListObjectsV2({ client: s3 }, input);
  } catch (error) {
    throw objectError(error, `list ${uriOf(input.Bucket as string, input.Prefix as string)}`);
  }
}

const uriOf = (bucket: string, key: string): string => `s3://${bucket}/${key}`;

const bytesOf = (output: GetObjectCommandOutput): Promise<Uint8Array> =>
  output.Body?.transformToByteArray() ?? Promise.resolve(new Uint8Array());

function infoOf<K extends string>(
  key: K,
  bytes: number | undefined,
  etag: string | undefined,
  modified: Date | undefined,
): ObjectInfo<K> {
  return { key, bytes: bytes ?? 0, etag: etag ?? '', lastModified: modified ?? new Date(0) };
}

const attempt = attemptWith(objectError);

/**
 * Whether an object that S3 denies is missing. S3 answers 404 only to callers that may list the whole bucket, and 403 to
 * others. A caller that may list the key itself finds out with a listing.
 */
async function isMissing(s3: S3Client, bucket: string, key: string): Promise<boolean> {
  try {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }));
    return Contents[0]?.Key !== key;
  } catch {
    return false;
  }
}

/** Like {@link attempt}, but undefined if the object is missing. */
async function orUndefined<T>(action: string, work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw objectError(error, action);
  }
}

/** Retries 409, which S3 answers while concurrent conditional writes are undecided. */
async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await work();
    } catch (error) {
      if (serviceFailure(error).name !== 'ConditionalRequestConflict' || attempts === CONFLICT_ATTEMPTS) throw error;
      await sleep(Math.random() * 25 * 2 ** attempts);
    }
  }
}

import { receiveBody, receiveDocument } from './body.ts';
import { checksumHeaders } from './checksums.ts';
import { checkRead, checkWrite } from './conditions.ts';
import { announce, bucketName, type Operation, objectKey, type S3Context } from './context.ts';
import { S3Error } from './error.ts';
import { checkHeaders, describingHeaders, objectHeaders, quoted } from './headers.ts';
import { NULL_VERSION } from './list.ts';
import { parseRange } from './range.ts';
import type { S3Request } from './request.ts';
import type { StoredObject } from './state.ts';
import { childrenOf, element, parseXml, textOf, xmlDocument } from './xml.ts';

const MAX_KEY_BYTES = 1024;
const MAX_DELETIONS = 1000;

/** @throws S3Error KeyTooLongError */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError');
}

/**
 * Commits an object whose body has been stored, if the request's condition holds, and notifies queues. Removes the body
 * otherwise.
 *
 * @throws S3Error PreconditionFailed and others of {@link checkWrite}
 */
export async function commitObject(
  context: S3Context,
  request: S3Request,
  event: 'ObjectCreated:Put' | 'ObjectCreated:Copy',
  object: StoredObject,
): Promise<void> {
  const { store } = context;
  const bucket = bucketName(request);
  try {
    checkWrite(request, store.bucket(bucket).objects.get(object.key));
    store.commit({ op: 'put', bucket, object });
  } catch (error) {
    await store.blobs.remove(object.segments);
    throw error;
  }
  await announce(context, request, event, object);
}

/** PutObject. Writes the body to a file, checks the condition and commits in one step, then notifies queues. */
export const putObject: Operation = async (context, request) => {
  const { store } = context;
  const bucket = bucketName(request);
  const key = objectKey(request);
  checkKey(key);
  store.bucket(bucket);
  const headers = objectHeaders(request);
  const { segment, md5, checksum } = await receiveBody(request, store);
  const object = {
    key,
    bytes: segment.bytes,
    etag: md5,
    lastModified: store.now().toISOString(),
    sequencer: store.nextSequencer(),
    headers,
    checksum,
    segments: [segment],
  };
  await commitObject(context, request, 'ObjectCreated:Put', object);
  return { status: 200, headers: { etag: quoted(md5), ...checksumHeaders(checksum) } };
};

/** GetObject and HeadObject. */
export const getObject: Operation = async ({ store }, request) => {
  const object = store.bucket(bucketName(request)).objects.get(objectKey(request));
  if (!object) throw new S3Error('NoSuchKey');
  if (request.query.has('partNumber')) throw new S3Error('NotImplemented', 'This server does not serve single parts.');
  if (checkRead(request, object) === 'not-modified') {
    return {
      status: 304,
      headers: { etag: quoted(object.etag), 'last-modified': new Date(object.lastModified).toUTCString() },
    };
  }
  const range = parseRange(request.headers.range, object.bytes);
  const { start, end } = range ?? { start: 0, end: object.bytes };
  const headers = {
    ...describingHeaders(request, object, range !== undefined),
    ...overriddenHeaders(request),
    'content-length': String(end - start),
    ...(range ? { 'content-range': `bytes ${start}-${end - 1}/${object.bytes}` } : {}),
  };
  // Before the body is opened. Objects of earlier releases may have such headers too.
  checkHeaders(headers);
  const status = range ? 206 : 200;
  if (request.method === 'HEAD') return { status, headers };
  return { status, headers, body: store.blobs.lend(object.segments, start, end) };
};

/** Headers from parameters such as `response-content-type`, which presigned URLs use to name a download. */
function overriddenHeaders(request: S3Request): Readonly<Record<string, string>> {
  const parameters = [...request.query].filter(([name]) => name.startsWith('response-'));
  return Object.fromEntries(parameters.map(([name, value]) => [name.slice('response-'.length), value]));
}

/** DeleteObject, also of the version "null". Succeeds without an object too. */
export const deleteObject: Operation = async (context, request) => {
  const current = context.store.bucket(bucketName(request)).objects.get(objectKey(request));
  checkVersion(request.query.get('versionId') ?? NULL_VERSION);
  if (request.headers['if-match'] !== undefined) checkWrite(request, current);
  await remove(context, request, objectKey(request));
  return { status: 204 };
};

/** @throws S3Error InvalidArgument for a version that no object of a bucket without versioning has */
function checkVersion(version: string): void {
  if (version !== NULL_VERSION) throw new S3Error('InvalidArgument', 'Invalid version id specified');
}

/** DeleteObjects, up to 1000 keys. */
export const deleteObjects: Operation = async (context, request) => {
  context.store.bucket(bucketName(request));
  const document = parseXml(await receiveDocument(request));
  const entries = childrenOf(document, 'Object');
  if (document.name !== 'Delete' || entries.length === 0 || entries.length > MAX_DELETIONS)
    throw new S3Error('MalformedXML');
  const keys = entries.map((entry) => {
    const key = textOf(entry, 'Key');
    if (!key) throw new S3Error('MalformedXML');
    const others = entry.children.filter(({ name }) => name !== 'Key' && name !== 'VersionId');
    if (others.length > 0) throw new S3Error('NotImplemented', 'Objects can be deleted by key and version only.');
    checkVersion(textOf(entry, 'VersionId') ?? NULL_VERSION);
    return key;
  });
  for (const key of keys) await remove(context, request, key);
  const quiet = textOf(document, 'Quiet') === 'true';
  const deleted = quiet ? [] : keys.map((key) => element('Deleted', element('Key', key)));
  return { status: 200, body: xmlDocument('DeleteResult', ...deleted) };
};

async function remove(context: S3Context, request: S3Request, key: string): Promise<void> {
  const { store } = context;
  const bucket = bucketName(request);
  if (!store.bucket(bucket).objects.get(key)) return;
  store.commit({ op: 'delete', bucket, key });
  await context.notify({
    name: 'ObjectRemoved:Delete',
    bucket,
    key,
    sequencer: store.nextSequencer(),
    object: undefined,
    at: store.now(),
    requestId: request.id,
  });
}

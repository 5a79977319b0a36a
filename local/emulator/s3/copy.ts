import { algorithmNamed, createChecksum, createDigest } from './checksums.ts';
import { checkRead } from './conditions.ts';
import { bucketName, type Operation, objectKey, type S3Context } from './context.ts';
import { S3Error } from './error.ts';
import { objectHeaders, quoted } from './headers.ts';
import { checkKey, commitObject } from './objects.ts';
import { decode, header, type S3Request } from './request.ts';
import type { StoredObject } from './state.ts';
import { element, xmlDocument } from './xml.ts';

/** CopyObject, including a copy onto itself with new metadata. */
export const copyObject: Operation = async (context, request) => {
  const { store } = context;
  const bucket = bucketName(request);
  const key = objectKey(request);
  checkKey(key);
  store.bucket(bucket);
  const source = copySource(context, request);
  const replace = header(request, 'x-amz-metadata-directive') === 'REPLACE';
  if (source.bucket === bucket && source.object.key === key && !replace) {
    throw new S3Error('InvalidRequest', 'This copy request is illegal: it would change nothing.');
  }
  const { object: original } = source;
  const algorithm = header(request, 'x-amz-checksum-algorithm');
  const digest = algorithm === undefined ? undefined : createChecksum(algorithmNamed(algorithm));
  const md5 = createDigest('md5');
  const bytes = store.blobs.read(original.segments, 0, original.bytes);
  const segment = await store.blobs.write(hashed(bytes, digest ? [md5, digest] : [md5]));
  const object: StoredObject = {
    key,
    bytes: original.bytes,
    etag: md5.digest().toString('hex'),
    lastModified: store.now().toISOString(),
    sequencer: store.nextSequencer(),
    headers: replace ? objectHeaders(request) : original.headers,
    // A composite checksum does not apply to an object without parts.
    checksum: digest?.checksum() ?? (original.checksum?.type === 'FULL_OBJECT' ? original.checksum : undefined),
    segments: [segment],
  };
  await commitObject(context, request, 'ObjectCreated:Copy', object);
  const result = [element('ETag', quoted(object.etag)), element('LastModified', object.lastModified)];
  return { status: 200, body: xmlDocument('CopyObjectResult', ...result) };
};

/**
 * The object that a copy reads.
 *
 * @throws S3Error NoSuchBucket, NoSuchKey, or PreconditionFailed for the request's `x-amz-copy-source-if-*`
 */
export function copySource(
  { store }: S3Context,
  request: S3Request,
): { readonly bucket: string; readonly object: StoredObject } {
  const [path = '', version] = (header(request, 'x-amz-copy-source') ?? '').split('?versionId=');
  if (version !== undefined) throw new S3Error('NotImplemented', 'This server does not keep versions.');
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decode(path)) ?? [];
  if (bucket === undefined || key === undefined) {
    throw new S3Error('InvalidArgument', 'x-amz-copy-source must be a bucket and a key.');
  }
  const object = store.bucket(bucket).objects.get(key);
  if (!object) throw new S3Error('NoSuchKey');
  checkRead(request, object, 'x-amz-copy-source-');
  return { bucket, object };
}

/** Passes bytes through and updates digests. */
export async function* hashed(
  source: AsyncIterable<Uint8Array>,
  digests: readonly { update(bytes: Uint8Array): void }[],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (const digest of digests) digest.update(chunk);
    yield chunk;
  }
}

import { receiveBody } from './body.ts';
import { algorithmNamed, checksumElement, checksumHeaders, createChecksum, createDigest } from './checksums.ts';
import { bucketName, type Operation, objectKey, type S3Context } from './context.ts';
import { copySource, hashed } from './copy.ts';
import { S3Error } from './error.ts';
import { objectHeaders, quoted } from './headers.ts';
import { checkKey } from './objects.ts';
import { parseRange } from './range.ts';
import { header, integer, type S3Request } from './request.ts';
import type { OpenUpload, Part, Upload } from './state.ts';
import type { Store } from './store.ts';
import { element, xmlDocument } from './xml.ts';

export const MAX_PARTS = 10_000;

/** CreateMultipartUpload. */
export const createUpload: Operation = async ({ store }, request) => {
  const bucket = bucketName(request);
  const key = objectKey(request);
  checkKey(key);
  const checksum = uploadChecksum(request);
  const upload: Upload = {
    id: store.newId(),
    bucket,
    key,
    headers: objectHeaders(request),
    initiatedAt: store.now().toISOString(),
    hadObject: store.bucket(bucket).objects.get(key) !== undefined,
    checksum,
  };
  store.commit({ op: 'upload', upload });
  return {
    status: 200,
    headers: checksum
      ? { 'x-amz-checksum-algorithm': checksum.algorithm.toUpperCase(), 'x-amz-checksum-type': checksum.type }
      : {},
    body: xmlDocument(
      'InitiateMultipartUploadResult',
      element('Bucket', bucket),
      element('Key', key),
      element('UploadId', upload.id),
    ),
  };
};

/** CRC64NVME covers whole objects only and SHA-1 and SHA-256 cover parts only; the other CRCs can do both. */
function uploadChecksum(request: S3Request): Upload['checksum'] {
  const name = header(request, 'x-amz-checksum-algorithm');
  if (name === undefined) return undefined;
  const algorithm = algorithmNamed(name);
  const type = header(request, 'x-amz-checksum-type') ?? (algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE');
  const impossible = algorithm === 'crc64nvme' ? 'COMPOSITE' : algorithm.startsWith('sha') ? 'FULL_OBJECT' : undefined;
  if ((type !== 'FULL_OBJECT' && type !== 'COMPOSITE') || type === impossible) {
    throw new S3Error('InvalidRequest', `The ${type} checksum type cannot be used with the ${name} algorithm.`);
  }
  return { algorithm, type };
}

/** UploadPart. Uploading a part again replaces it. */
export const uploadPart: Operation = async ({ store }, request) => {
  const { id } = uploadOf(store, request);
  const number = partNumber(request);
  const { segment, md5, checksum } = await receiveBody(request, store);
  const part: Part = { number, etag: md5, lastModified: store.now().toISOString(), checksum, segment };
  await commitPart(store, request, id, part);
  return { status: 200, headers: { etag: quoted(md5), ...checksumHeaders(checksum) } };
};

/** UploadPartCopy. */
export const copyPart: Operation = async (context, request) => {
  const { store } = context;
  const { id, checksum: wanted } = uploadOf(store, request);
  const number = partNumber(request);
  const { object } = copySource(context, request);
  const { start, end } = parseRange(header(request, 'x-amz-copy-source-range'), object.bytes) ?? {
    start: 0,
    end: object.bytes,
  };
  const md5 = createDigest('md5');
  const digest = wanted && createChecksum(wanted.algorithm);
  const bytes = store.blobs.read(object.segments, start, end);
  const segment = await store.blobs.write(hashed(bytes, digest ? [md5, digest] : [md5]));
  const etag = md5.digest().toString('hex');
  const lastModified = store.now().toISOString();
  const part: Part = { number, etag, lastModified, checksum: digest?.checksum(), segment };
  await commitPart(store, request, id, part);
  const result = [element('ETag', quoted(etag)), element('LastModified', part.lastModified)];
  return { status: 200, body: xmlDocument('CopyPartResult', ...result) };
};

async function commitPart(store: Store, request: S3Request, upload: string, part: Part): Promise<void> {
  try {
    // The upload may have ended while the part was received.
    uploadOf(store, request);
    store.commit({ op: 'part', upload, part });
  } catch (error) {
    await store.blobs.remove([part.segment]);
    throw error;
  }
}

/** AbortMultipartUpload. */
export const abortUpload: Operation = async ({ store }, request) => {
  store.commit({ op: 'abort', upload: uploadOf(store, request).id });
  return { status: 204 };
};

/** ListParts. */
export const listParts: Operation = async ({ store }, request) => {
  const { id, key, parts } = uploadOf(store, request);
  const after = integer(request.query.get('part-number-marker'), 'part-number-marker', 0, MAX_PARTS) ?? 0;
  const maxParts = Math.min(integer(request.query.get('max-parts'), 'max-parts', 0, 2 ** 31 - 1) ?? 1000, 1000);
  const following = [...parts.values()].sort((a, b) => a.number - b.number).filter((part) => part.number > after);
  const page = following.slice(0, maxParts);
  const elements = page.map((part) =>
    element(
      'Part',
      element('PartNumber', part.number),
      element('LastModified', part.lastModified),
      element('ETag', quoted(part.etag)),
      element('Size', part.segment.bytes),
      part.checksum && element(checksumElement(part.checksum.algorithm), part.checksum.value),
    ),
  );
  const body = xmlDocument(
    'ListPartsResult',
    element('Bucket', bucketName(request)),
    element('Key', key),
    element('UploadId', id),
    element('PartNumberMarker', after),
    element('NextPartNumberMarker', page.at(-1)?.number ?? after),
    element('MaxParts', maxParts),
    element('IsTruncated', String(page.length < following.length)),
    ...elements,
  );
  return { status: 200, body };
};

/** The upload that a request names. */
export const uploadOf = (store: S3Context['store'], request: S3Request): OpenUpload =>
  store.upload(request.query.get('uploadId') ?? '', bucketName(request), objectKey(request));

const partNumber = (request: S3Request): number =>
  integer(request.query.get('partNumber') ?? '', 'partNumber', 1, MAX_PARTS) as number;

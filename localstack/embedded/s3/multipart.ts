import { createHash } from 'node:crypto';
import { receiveBody, receiveDocument } from './body.ts';
import {
  algorithmNamed,
  type Checksum,
  type ChecksumAlgorithm,
  checksumElement,
  checksumHeader,
  checksumHeaders,
  compositeChecksum,
  createChecksum,
  createDigest,
} from './checksums.ts';
import { checkWrite } from './conditions.ts';
import { announce, bucketName, type Operation, objectKey, type S3Context } from './context.ts';
import { copySource, hashed } from './copy.ts';
import { S3Error } from './error.ts';
import { objectHeaders, quoted } from './headers.ts';
import { checkKey } from './objects.ts';
import { parseRange } from './range.ts';
import { header, integer, type S3Request } from './request.ts';
import type { OpenUpload, Part, StoredObject, Upload } from './state.ts';
import type { Store } from './store.ts';
import { childrenOf, element, parseXml, textOf, type XmlNode, xmlDocument } from './xml.ts';

const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 5 * 1024 ** 2;

export const createUpload: Operation = async ({ store }, request) => {
  const bucket = bucketName(request);
  const key = objectKey(request);
  checkKey(key);
  store.bucket(bucket);
  const checksum = uploadChecksum(request);
  const upload: Upload = { id: store.newId(), bucket, key, headers: objectHeaders(request), checksum };
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

/** CRC64NVME exists for whole objects only, the SHAs for parts only; the other CRCs can do both. */
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

export const uploadPart: Operation = async ({ store }, request) => {
  const { id } = uploadOf(store, request);
  const number = partNumber(request);
  const { segment, md5, checksum } = await receiveBody(request, store.blobs);
  const part: Part = { number, etag: md5, lastModified: store.now().toISOString(), checksum, segment };
  await keepPart(store, request, id, part);
  return { status: 200, headers: { etag: quoted(md5), ...checksumHeaders(checksum) } };
};

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
  await keepPart(store, request, id, part);
  const result = [element('ETag', quoted(etag)), element('LastModified', part.lastModified)];
  return { status: 200, body: xmlDocument('CopyPartResult', ...result) };
};

async function keepPart(store: Store, request: S3Request, upload: string, part: Part): Promise<void> {
  try {
    // The upload may have ended while the part was on its way.
    uploadOf(store, request);
    store.commit({ op: 'part', upload, part });
  } catch (error) {
    await store.blobs.remove([part.segment]);
    throw error;
  }
}

export const completeUpload: Operation = async (context, request) => {
  const { store } = context;
  const bucket = bucketName(request);
  const document = parseXml(await receiveDocument(request));
  const upload = uploadOf(store, request);
  const parts = chosenParts(upload, document);
  const segments = parts.map((part) => part.segment);
  const object: StoredObject = {
    key: upload.key,
    bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    etag: multipartEtag(parts),
    lastModified: store.now().toISOString(),
    sequencer: store.nextSequencer(),
    headers: upload.headers,
    checksum: await objectChecksum(store, request, upload, parts),
    segments,
  };
  // Looked up anew: a second completion may have been faster while the checksum was made.
  uploadOf(store, request);
  checkWrite(request, store.bucket(bucket).objects.get(upload.key));
  store.commit({ op: 'put', bucket, object, upload: upload.id });
  await announce(context, request, 'ObjectCreated:CompleteMultipartUpload', object);
  return {
    status: 200,
    body: xmlDocument(
      'CompleteMultipartUploadResult',
      element('Location', `/${bucket}/${upload.key}`),
      element('Bucket', bucket),
      element('Key', upload.key),
      element('ETag', quoted(object.etag)),
      object.checksum && element(checksumElement(object.checksum.algorithm), object.checksum.value),
      object.checksum && element('ChecksumType', object.checksum.type),
    ),
  };
};

/** The parts that a completion names, checked one by one. */
function chosenParts(upload: OpenUpload, document: XmlNode): readonly Part[] {
  const named = childrenOf(document, 'Part');
  if (document.name !== 'CompleteMultipartUpload' || named.length === 0) throw new S3Error('MalformedXML');
  let previous = 0;
  const parts = named.map((node) => {
    const number = integer(textOf(node, 'PartNumber')?.trim() ?? '', 'PartNumber', 1, MAX_PARTS) as number;
    if (number <= previous) throw new S3Error('InvalidPartOrder');
    previous = number;
    const part = upload.parts.get(number);
    if (!part || textOf(node, 'ETag')?.trim().replaceAll('"', '') !== part.etag) throw new S3Error('InvalidPart');
    const { checksum } = part;
    const claimed = checksum && textOf(node, checksumElement(checksum.algorithm));
    if (claimed !== undefined && claimed !== checksum?.value) throw new S3Error('InvalidPart');
    return part;
  });
  if (parts.slice(0, -1).some((part) => part.segment.bytes < MIN_PART_BYTES)) throw new S3Error('EntityTooSmall');
  return parts;
}

/** The checksum of the object, compared with what the completion says of it. */
async function objectChecksum(
  store: Store,
  request: S3Request,
  upload: OpenUpload,
  parts: readonly Part[],
): Promise<Checksum | undefined> {
  if (!upload.checksum) return undefined;
  const { algorithm, type } = upload.checksum;
  const checksum = type === 'COMPOSITE' ? composite(algorithm, parts) : await wholeChecksum(store, algorithm, parts);
  const expected = header(request, checksumHeader(algorithm));
  if (expected !== undefined && expected !== checksum.value) throw new S3Error('BadDigest');
  return checksum;
}

function composite(algorithm: ChecksumAlgorithm, parts: readonly Part[]): Checksum {
  const values = parts.map(({ checksum }) => {
    if (checksum?.algorithm !== algorithm) {
      throw new S3Error(
        'InvalidRequest',
        `The upload was created using a ${algorithm} checksum; every part must have one.`,
      );
    }
    return checksum.value;
  });
  return compositeChecksum(algorithm, values);
}

async function wholeChecksum(store: Store, algorithm: ChecksumAlgorithm, parts: readonly Part[]): Promise<Checksum> {
  const digest = createChecksum(algorithm);
  const segments = parts.map((part) => part.segment);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  for await (const chunk of store.blobs.read(segments, 0, bytes)) digest.update(chunk as Uint8Array);
  return digest.checksum();
}

export const abortUpload: Operation = async ({ store }, request) => {
  store.commit({ op: 'abort', upload: uploadOf(store, request).id });
  return { status: 204 };
};

export const listParts: Operation = async ({ store }, request) => {
  const { id, key, parts } = uploadOf(store, request);
  const after = integer(request.query.get('part-number-marker'), 'part-number-marker', 0, MAX_PARTS) ?? 0;
  const most = Math.min(integer(request.query.get('max-parts'), 'max-parts', 0, 2 ** 31 - 1) ?? 1000, 1000);
  const behind = [...parts.values()].sort((a, b) => a.number - b.number).filter((part) => part.number > after);
  const page = behind.slice(0, most);
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
    element('MaxParts', most),
    element('IsTruncated', String(page.length < behind.length)),
    ...elements,
  );
  return { status: 200, body };
};

const uploadOf = (store: S3Context['store'], request: S3Request): OpenUpload =>
  store.upload(request.query.get('uploadId') ?? '', bucketName(request), objectKey(request));

const partNumber = (request: S3Request): number =>
  integer(request.query.get('partNumber') ?? '', 'partNumber', 1, MAX_PARTS) as number;

/** MD5 of the parts' MD5s, with their number behind it. */
function multipartEtag(parts: readonly Part[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(Buffer.from(part.etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

import { createHash } from 'node:crypto';
import { receiveDocument } from './body.ts';
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumElement,
  checksumHeader,
  compositeChecksum,
  createChecksum,
} from './checksums.ts';
import { checkWrite } from './conditions.ts';
import { announce, bucketName, type Operation } from './context.ts';
import { S3Error } from './error.ts';
import { quoted } from './headers.ts';
import { MAX_PARTS, uploadOf } from './multipart.ts';
import { header, integer, type S3Request } from './request.ts';
import type { OpenUpload, Part, StoredObject } from './state.ts';
import type { Store } from './store.ts';
import { childrenOf, element, parseXml, textOf, type XmlNode, xmlDocument } from './xml.ts';

const MIN_PART_BYTES = 5 * 1024 ** 2;

/** CompleteMultipartUpload. The object refers to the files of its parts in order. */
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
  // Read again, because the upload or a part may have changed while the checksum was computed.
  const current = uploadOf(store, request);
  if (parts.some((part) => current.parts.get(part.number) !== part)) throw new S3Error('InvalidPart');
  const replaced = store.bucket(bucket).objects.get(upload.key);
  checkWrite(request, replaced);
  checkConflict(request, upload, replaced);
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

/**
 * Refuses a completion whose condition holds, but whose key was written or deleted since the upload began. The client
 * has to start again ("How to prevent object overwrites with conditional writes", S3 user guide).
 *
 * @throws S3Error ConditionalRequestConflict
 */
function checkConflict(request: S3Request, upload: OpenUpload, current: StoredObject | undefined): void {
  const written = current !== undefined && current.lastModified > upload.initiatedAt;
  const deleted = current === undefined && upload.hadObject;
  const [created, replaced] = [header(request, 'if-none-match'), header(request, 'if-match')];
  if ((created !== undefined && deleted) || (replaced !== undefined && written)) {
    throw new S3Error('ConditionalRequestConflict');
  }
}

/** The parts that a completion names, after checking each. */
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

/** The checksum of the object, after comparing it with the request's. */
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

/** MD5 of the parts' MD5s, followed by the number of parts. */
function multipartEtag(parts: readonly Part[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(Buffer.from(part.etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

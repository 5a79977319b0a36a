import { validateHeaderName, validateHeaderValue } from 'node:http';
import { checksumHeaders } from './checksums.ts';
import { S3Error } from './error.ts';
import { header, type S3Request } from './request.ts';
import type { ObjectHeaders, StoredObject } from './state.ts';

/** Headers of an object that are stored with it, and that `response-<name>` replaces in an answer. */
export const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];

/** S3's limit for all names and values of user metadata, bytes. */
const MAX_METADATA_BYTES = 2048;

/** The headers of a request that are stored with the object and returned. */
export function objectHeaders(request: S3Request): ObjectHeaders {
  const entries = Object.keys(request.headers).flatMap((name): [string, string][] => {
    const value = header(request, name) ?? '';
    if (name === 'content-encoding') {
      const encodings = value.split(',').map((encoding) => encoding.trim());
      const kept = encodings.filter((encoding) => encoding !== '' && encoding !== 'aws-chunked').join(',');
      return kept ? [[name, kept]] : [];
    }
    return KEPT_HEADERS.includes(name) || name.startsWith('x-amz-meta-') ? [[name, value]] : [];
  });
  const metadata = entries.filter(([name]) => name.startsWith('x-amz-meta-'));
  const size = metadata.reduce((sum, [name, value]) => sum + name.length - 11 + Buffer.byteLength(value), 0);
  if (size > MAX_METADATA_BYTES) throw new S3Error('MetadataTooLarge');
  const headers = { 'content-type': 'application/octet-stream', ...Object.fromEntries(entries) };
  checkHeaders(headers);
  return headers;
}

/**
 * Refuses what HTTP cannot carry in a header: control characters, line ends, characters beyond Latin-1. It arrives in the
 * query of a presigned URL, and would end each answer that returns it.
 *
 * @throws S3Error InvalidArgument
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new S3Error(
        'InvalidArgument',
        `The header ${JSON.stringify(name)} has characters that HTTP does not allow.`,
      );
    }
  }
}

/** Headers that describe an object. The checksum only on request, and only for the whole object. */
export function describingHeaders(request: S3Request, object: StoredObject, partial: boolean): Record<string, string> {
  const wantsChecksum = header(request, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  return {
    ...object.headers,
    ...(wantsChecksum && !partial ? checksumHeaders(object.checksum) : {}),
    etag: quoted(object.etag),
    'last-modified': new Date(object.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

/** An ETag with the quotes that HTTP requires. */
export const quoted = (etag: string): string => `"${etag}"`;

const REFUSED = [
  /^x-amz-tagging$/,
  /^x-amz-object-lock-/,
  /^x-amz-server-side-encryption/,
  /^x-amz-copy-source-server-side-encryption/,
  /^x-amz-grant-/,
  /^x-amz-website-redirect-location$/,
  /^x-amz-write-offset-bytes$/,
];
const DEFAULTS: Readonly<Record<string, string>> = {
  'x-amz-acl': 'private',
  'x-amz-storage-class': 'STANDARD',
  'x-amz-object-ownership': 'BucketOwnerEnforced',
  'x-amz-bucket-object-lock-enabled': 'false',
  'x-amz-tagging-directive': 'COPY',
};

/**
 * Refuses headers without effect here, so that no client relies on encryption or a lock that it does not have.
 *
 * @throws S3Error NotImplemented
 */
export function refuseUnknownHeaders(request: S3Request): void {
  for (const name of Object.keys(request.headers)) {
    const defaultValue = Object.hasOwn(DEFAULTS, name) ? DEFAULTS[name] : undefined;
    const refused =
      defaultValue === undefined
        ? REFUSED.some((pattern) => pattern.test(name))
        : header(request, name) !== defaultValue;
    if (refused) throw new S3Error('NotImplemented', `This server does not implement the header ${name}.`);
  }
}

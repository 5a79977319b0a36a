import { checksumElement } from './checksums.ts';
import { bucketName, type Operation } from './context.ts';
import { S3Error } from './error.ts';
import { quoted } from './headers.ts';
import { compareKeys, type KeyIndex } from './key-index.ts';
import { integer, type S3Request } from './request.ts';
import type { StoredObject } from './state.ts';
import { element, type Markup, xmlDocument } from './xml.ts';

/** S3's name of the version of an object in a bucket without versioning. */
export const NULL_VERSION = 'null';

interface Page {
  readonly objects: readonly StoredObject[];
  readonly prefixes: readonly string[];
  /** The last key or common prefix of the page, if more follow. */
  readonly next: string | undefined;
}

/** ListObjectsV2. */
export const listObjectsV2: Operation = async ({ store }, request) => {
  const bucket = store.bucket(bucketName(request));
  const { query } = request;
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after');
  const settings = settingsOf(request);
  const page = pageOf(bucket.objects, settings, token === null ? (startAfter ?? '') : readToken(token));
  const text = encoderOf(request);
  const body = xmlDocument(
    'ListBucketResult',
    ...sharedElements(request, bucket.name, page, settings),
    element('KeyCount', page.objects.length + page.prefixes.length),
    token === null ? undefined : element('ContinuationToken', token),
    page.next === undefined ? undefined : element('NextContinuationToken', writeToken(page.next)),
    startAfter === null ? undefined : element('StartAfter', text(startAfter)),
  );
  return { status: 200, body };
};

/** ListObjects, which some tools still call. */
export const listObjects: Operation = async ({ store }, request) => {
  const bucket = store.bucket(bucketName(request));
  const marker = request.query.get('marker') ?? '';
  const settings = settingsOf(request);
  const page = pageOf(bucket.objects, settings, marker);
  const text = encoderOf(request);
  const body = xmlDocument(
    'ListBucketResult',
    ...sharedElements(request, bucket.name, page, settings),
    element('Marker', text(marker)),
    page.next === undefined ? undefined : element('NextMarker', text(page.next)),
  );
  return { status: 200, body };
};

/** ListObjectVersions. The buckets have no versioning, so that every object has one version, called "null". */
export const listObjectVersions: Operation = async ({ store }, request) => {
  const bucket = store.bucket(bucketName(request));
  const marker = request.query.get('key-marker') ?? '';
  const version = request.query.get('version-id-marker');
  if (version !== null && version !== '' && (version !== NULL_VERSION || marker === '')) {
    throw new S3Error('InvalidArgument', 'Invalid version id specified');
  }
  const settings = settingsOf(request);
  const page = pageOf(bucket.objects, settings, marker);
  const text = encoderOf(request);
  const body = xmlDocument(
    'ListVersionsResult',
    ...sharedElements(request, bucket.name, page, settings, 'Version'),
    element('KeyMarker', text(marker)),
    element('VersionIdMarker', version ?? ''),
    page.next === undefined ? undefined : element('NextKeyMarker', text(page.next)),
    page.next === undefined ? undefined : element('NextVersionIdMarker', NULL_VERSION),
  );
  return { status: 200, body };
};

interface Settings {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
}

function settingsOf({ query }: S3Request): Settings {
  const maxKeys = Math.min(integer(query.get('max-keys'), 'max-keys', 0, 2 ** 31 - 1) ?? 1000, 1000);
  return { prefix: query.get('prefix') ?? '', delimiter: query.get('delimiter') ?? '', maxKeys };
}

/** A page of the keys after `after`. A common prefix costs one binary search, however many keys it holds. */
export function pageOf(index: KeyIndex<StoredObject>, { prefix, delimiter, maxKeys }: Settings, after: string): Page {
  const objects: StoredObject[] = [];
  const prefixes: string[] = [];
  if (maxKeys === 0) return { objects, prefixes, next: undefined };

  const groupOf = (key: string): string | undefined => {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
  };
  const afterGroup = (group: string) => (key: string) => compareKeys(key, group) > 0 && !key.startsWith(group);

  // The previous page may have ended with a common prefix, whose keys are skipped.
  const passed = after.startsWith(prefix) && groupOf(after) === after ? after : undefined;
  let position = index.seek((key) => compareKeys(key, prefix) >= 0 && (after === '' || compareKeys(key, after) > 0));
  if (passed !== undefined) position = index.seek(afterGroup(passed));

  let last: string | undefined;
  for (;;) {
    const key = index.keyAt(position);
    if (key === undefined || !key.startsWith(prefix)) return { objects, prefixes, next: undefined };
    if (objects.length + prefixes.length === maxKeys) return { objects, prefixes, next: last };
    const group = groupOf(key);
    if (group === undefined) {
      objects.push(index.get(key) as StoredObject);
      position += 1;
    } else {
      prefixes.push(group);
      position = index.seek(afterGroup(group));
    }
    last = group ?? key;
  }
}

function sharedElements(
  request: S3Request,
  bucket: string,
  page: Page,
  settings: Settings,
  entry: 'Contents' | 'Version' = 'Contents',
): readonly (Markup | undefined)[] {
  const text = encoderOf(request);
  const urlEncoded = request.query.get('encoding-type') === 'url';
  return [
    element('Name', bucket),
    element('Prefix', text(settings.prefix)),
    settings.delimiter === '' ? undefined : element('Delimiter', text(settings.delimiter)),
    element('MaxKeys', settings.maxKeys),
    urlEncoded ? element('EncodingType', 'url') : undefined,
    element('IsTruncated', String(page.next !== undefined)),
    ...page.objects.map((object) =>
      element(
        entry,
        element('Key', text(object.key)),
        entry === 'Version' ? element('VersionId', NULL_VERSION) : undefined,
        entry === 'Version' ? element('IsLatest', 'true') : undefined,
        element('LastModified', object.lastModified),
        element('ETag', quoted(object.etag)),
        object.checksum &&
          element('ChecksumAlgorithm', checksumElement(object.checksum.algorithm).slice('Checksum'.length)),
        object.checksum && element('ChecksumType', object.checksum.type),
        element('Size', object.bytes),
        element('StorageClass', 'STANDARD'),
      ),
    ),
    ...page.prefixes.map((prefix) => element('CommonPrefixes', element('Prefix', text(prefix)))),
  ];
}

/** XML cannot hold all characters of keys; clients ask for `encoding-type=url` to get them. */
function encoderOf({ query }: S3Request): (text: string) => string {
  const type = query.get('encoding-type');
  if (type !== null && type !== 'url') throw new S3Error('InvalidArgument', 'encoding-type must be url.');
  return type === null ? (text) => text : (text) => encodeURIComponent(text).replaceAll('%2F', '/');
}

const writeToken = (last: string): string => Buffer.from(last).toString('base64url');
const readToken = (token: string): string => Buffer.from(token, 'base64url').toString();

import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from './buckets.ts';
import { completeUpload } from './complete-multipart.ts';
import type { Operation } from './context.ts';
import { copyObject } from './copy.ts';
import { S3Error } from './error.ts';
import { KEPT_HEADERS, refuseUnknownHeaders } from './headers.ts';
import { listObjects, listObjectsV2, listObjectVersions } from './list.ts';
import { abortUpload, copyPart, createUpload, listParts, uploadPart } from './multipart.ts';
import { getNotification, putNotification } from './notification-configuration.ts';
import { deleteObject, deleteObjects, getObject, putObject } from './objects.ts';
import type { S3Request } from './request.ts';

/** An operation, the requests that it handles and the query parameters that it understands. */
interface Route {
  /** Name of the operation in the S3 API. */
  readonly name: string;
  readonly on: 'service' | 'bucket' | 'object';
  readonly method: string;
  /** Parameters that select the operation. */
  readonly requires?: readonly string[];
  readonly accepts?: readonly string[];
  /** Only for requests with the header x-amz-copy-source. */
  readonly copies?: true;
  readonly operation: Operation;
}

const LIST = ['prefix', 'delimiter', 'max-keys', 'encoding-type'];
const READ = ['partNumber', ...KEPT_HEADERS.map((name) => `response-${name}`)];

const ROUTES = [
  { name: 'ListBuckets', on: 'service', method: 'GET', accepts: ['max-buckets'], operation: listBuckets },

  {
    name: 'PutBucketNotificationConfiguration',
    on: 'bucket',
    method: 'PUT',
    requires: ['notification'],
    operation: putNotification,
  },
  {
    name: 'GetBucketNotificationConfiguration',
    on: 'bucket',
    method: 'GET',
    requires: ['notification'],
    operation: getNotification,
  },
  { name: 'GetBucketLocation', on: 'bucket', method: 'GET', requires: ['location'], operation: getBucketLocation },
  {
    name: 'ListObjectsV2',
    on: 'bucket',
    method: 'GET',
    requires: ['list-type'],
    accepts: [...LIST, 'continuation-token', 'start-after', 'fetch-owner'],
    operation: listObjectsV2,
  },
  {
    name: 'ListObjectVersions',
    on: 'bucket',
    method: 'GET',
    requires: ['versions'],
    accepts: [...LIST, 'key-marker', 'version-id-marker'],
    operation: listObjectVersions,
  },
  { name: 'DeleteObjects', on: 'bucket', method: 'POST', requires: ['delete'], operation: deleteObjects },
  { name: 'CreateBucket', on: 'bucket', method: 'PUT', operation: createBucket },
  { name: 'HeadBucket', on: 'bucket', method: 'HEAD', operation: headBucket },
  { name: 'DeleteBucket', on: 'bucket', method: 'DELETE', operation: deleteBucket },
  { name: 'ListObjects', on: 'bucket', method: 'GET', accepts: [...LIST, 'marker'], operation: listObjects },

  { name: 'CreateMultipartUpload', on: 'object', method: 'POST', requires: ['uploads'], operation: createUpload },
  {
    name: 'UploadPartCopy',
    on: 'object',
    method: 'PUT',
    requires: ['uploadId', 'partNumber'],
    copies: true,
    operation: copyPart,
  },
  { name: 'UploadPart', on: 'object', method: 'PUT', requires: ['uploadId', 'partNumber'], operation: uploadPart },
  { name: 'CompleteMultipartUpload', on: 'object', method: 'POST', requires: ['uploadId'], operation: completeUpload },
  { name: 'AbortMultipartUpload', on: 'object', method: 'DELETE', requires: ['uploadId'], operation: abortUpload },
  {
    name: 'ListParts',
    on: 'object',
    method: 'GET',
    requires: ['uploadId'],
    accepts: ['max-parts', 'part-number-marker'],
    operation: listParts,
  },
  { name: 'CopyObject', on: 'object', method: 'PUT', copies: true, operation: copyObject },
  { name: 'PutObject', on: 'object', method: 'PUT', operation: putObject },
  { name: 'GetObject', on: 'object', method: 'GET', accepts: READ, operation: getObject },
  { name: 'HeadObject', on: 'object', method: 'HEAD', accepts: READ, operation: getObject },
  { name: 'DeleteObject', on: 'object', method: 'DELETE', accepts: ['versionId'], operation: deleteObject },
] as const satisfies readonly Route[];

/** Names of all implemented operations. */
export const S3_OPERATIONS = ROUTES.map((route) => route.name);

/** A parameter of the SDK, and those of older signatures. */
const IGNORED = /^(x-id|AWSAccessKeyId|Signature|Expires)$/;

/**
 * The route of a request. A request with an unknown parameter is refused, because it would be handled incompletely.
 *
 * @throws S3Error NotImplemented, MethodNotAllowed
 */
export function routeOf(request: S3Request): Pick<Route, 'name' | 'operation'> {
  const on = request.bucket === undefined ? 'service' : request.key === undefined ? 'bucket' : 'object';
  const parameters = [...request.query.keys()].filter((name) => !IGNORED.test(name));
  const copies = request.headers['x-amz-copy-source'] !== undefined;

  const candidates = (ROUTES as readonly Route[]).filter((route) => route.on === on && route.method === request.method);
  if (candidates.length === 0) throw new S3Error('MethodNotAllowed');
  const route = candidates.find(
    ({ requires = [], accepts = [], ...rest }) =>
      (rest.copies ?? false) === copies &&
      requires.every((name) => parameters.includes(name)) &&
      parameters.every((name) => requires.includes(name) || accepts.includes(name)),
  );
  if (!route) {
    const what = parameters.length > 0 ? ` with ?${parameters.join('&')}` : '';
    throw new S3Error('NotImplemented', `This server does not implement ${request.method} ${on}${what}.`);
  }
  refuseUnknownHeaders(request);
  return route;
}

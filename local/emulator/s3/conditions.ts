import { S3Error } from './error.ts';
import { header, type S3Request } from './request.ts';
import type { StoredObject } from './state.ts';

/**
 * Checks the conditions of a write against the current object. To be called directly before the commit, with no await in
 * between.
 *
 * @throws S3Error PreconditionFailed, or NoSuchKey for `If-Match` without an object
 */
export function checkWrite(request: S3Request, current: StoredObject | undefined): void {
  const ifNoneMatch = header(request, 'if-none-match');
  const ifMatch = header(request, 'if-match');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', 'A write takes If-None-Match with * only.');
  }
  if (ifNoneMatch === '*' && current) throw new S3Error('PreconditionFailed');
  if (ifMatch !== undefined) {
    if (!current) throw new S3Error('NoSuchKey');
    if (!matches(ifMatch, current)) throw new S3Error('PreconditionFailed');
  }
}

/**
 * Evaluates the conditions of a read (RFC 9110, section 13.2.2).
 *
 * @param prefix '' for a read, 'x-amz-copy-source-' for the source of a copy
 */
export function checkRead(
  request: S3Request,
  object: StoredObject,
  prefix: '' | 'x-amz-copy-source-' = '',
): 'proceed' | 'not-modified' {
  const ifMatch = header(request, `${prefix}if-match`);
  const ifNoneMatch = header(request, `${prefix}if-none-match`);
  // HTTP dates are whole seconds.
  const modified = Math.floor(Date.parse(object.lastModified) / 1000) * 1000;
  const since = Date.parse(header(request, `${prefix}if-modified-since`) ?? '');
  const unmodifiedSince = Date.parse(header(request, `${prefix}if-unmodified-since`) ?? '');

  const refused = ifMatch === undefined ? modified > unmodifiedSince : !matches(ifMatch, object);
  if (refused) throw new S3Error('PreconditionFailed');
  const same = ifNoneMatch === undefined ? modified <= since : matches(ifNoneMatch, object);
  if (same && prefix) throw new S3Error('PreconditionFailed');
  return same ? 'not-modified' : 'proceed';
}

const matches = (condition: string, object: StoredObject): boolean =>
  condition.split(',').some((tag) => {
    const bare = tag
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1');
    return bare === '*' || bare === object.etag;
  });

import { afterEach, describe, expect, test, vi } from 'vitest';
import { objectError, queueError, storageError } from './failures.ts';

/** An exception as the SDK throws it. */
const exception = (name: string, status?: number, message = 'Why.', more: object = {}) =>
  Object.assign(new Error(message), { name, ...(status ? { $metadata: { httpStatusCode: status } } : {}), ...more });
const ofSystem = (code: string) => exception('Error', undefined, `connect ${code}`, { code, syscall: 'connect' });

afterEach(() => vi.unstubAllEnvs());

describe('an exception of the SDK', () => {
  test.each<readonly [string, Error]>([
    ['SlowDown', exception('SlowDown', 503)],
    ['an internal error', exception('InternalError', 500)],
    ['a bad gateway, whose page is no XML', exception('SyntaxError', 502)],
    ['throttling', exception('ThrottlingException', 400)],
    ['a slow upload', exception('RequestTimeout', 400)],
    ['a proxy that is overloaded', exception('Unknown', 429)],
    ['a time-out of the connection', exception('TimeoutError')],
    ['expired credentials', exception('ExpiredToken', 400)],
    ['expired credentials of STS', exception('ExpiredTokenException', 403)],
    ['an expired login', exception('CredentialsProviderError', undefined, 'The SSO session has expired.')],
    [
      'a credential process without a line',
      exception('CredentialsProviderError', undefined, 'Command failed: aws_signing_helper credential-process'),
    ],
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'].map(
      (code) => [code, ofSystem(code)] as const,
    ),
  ])('is an outage: %s', (_, error) => {
    expect(storageError(error, 'read s3://b/k').code).toBe('STORAGE_UNAVAILABLE');
    expect(objectError(error, 'read s3://b/k').code).toBe('STORAGE_UNAVAILABLE');
    expect(queueError(error, 'send to queue q').code).toBe('STORAGE_UNAVAILABLE');
  });

  test.each([
    ['this server', exception('InsufficientStorage', 507)],
    ['MinIO', exception('XMinioStorageFull', 507)],
    ['a quota of Ceph', exception('QuotaExceeded', 403)],
  ])('tells that the storage is full: %s', (_, error) => {
    expect(storageError(error, 'write s3://b/k').code).toBe('STORAGE_FULL');
  });

  test.each([
    ['no permission', exception('AccessDenied', 403)],
    ['no bucket', exception('NoSuchBucket', 404)],
    ['no credentials', exception('CredentialsProviderError', undefined, 'Could not load credentials.')],
    ['a server that cannot', exception('NotImplemented', 501)],
    ['a bad request', exception('InvalidArgument', 400)],
  ])('is no outage: %s', (_, error) => {
    expect(storageError(error, 'read s3://b/k').code).toBe('STORAGE');
  });

  test.each([
    ['Region is missing', 'AWS_REGION'],
    ["char 'H' is not expected.:1:1\n  Deserialization error: to see the raw response", 'Something else than S3'],
    ['Could not load credentials from any providers', 'Set AWS credentials'],
  ])('has a cure: %s', (message, cure) => {
    const name = message.startsWith('Could not') ? 'CredentialsProviderError' : 'Error';

    expect(storageError(exception(name, undefined, message), 'read s3://b/k').hint).toContain(cure);
  });

  test('names the profile that may be misspelt', () => {
    vi.stubEnv('AWS_PROFILE', 'nope');
    const error = exception('CredentialsProviderError', undefined, 'Could not load credentials from any providers');

    expect(storageError(error, 'read s3://b/k').hint).toMatch(/^AWS_PROFILE is nope\. Check/);
  });

  test('becomes one sentence with what was tried, its name and its status', () => {
    const { message } = storageError(exception('SlowDown', 503, 'Please reduce your request rate.'), 'read s3://b/k');
    expect(message).toBe('Cannot read s3://b/k: Please reduce your request rate (SlowDown 503).');
  });
});

import { createHash, randomBytes } from 'node:crypto';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, test } from 'vitest';
import { createS3Client } from '../../lib/aws/clients.ts';
import { failure, IS_LOCALSTACK, useBackend } from '../helpers/backend.ts';

const backend = useBackend();
const head = (Key: string, rest: object = {}) =>
  backend.s3().send(new HeadObjectCommand({ Bucket: backend.bucket, Key, ...rest }));
const digest = (algorithm: string, bytes: Uint8Array | string) => createHash(algorithm).update(bytes).digest();

describe('objects', () => {
  test('keep their metadata and headers', async () => {
    const Metadata = { sha256: 'abc', note: 'two words' };
    await backend.put('meta', 'x', { ContentType: 'text/x', CacheControl: 'no-store', Metadata });

    expect(await head('meta')).toMatchObject({
      ContentType: 'text/x',
      CacheControl: 'no-store',
      ContentLength: 1,
      Metadata,
      ETag: `"${digest('md5', 'x').toString('hex')}"`,
    });
  });

  test.each(['a b+c&d=e', 'ü/\u{1f600}', '%41', 'a%2Fb', 'trailing/', 'quote\'"<&>', '=@:;,?#[]!$()*~'])(
    'can have the key %s',
    async (Key) => {
      await backend.put(Key, Key);
      expect((await backend.get(Key)).bytes.toString()).toBe(Key);
    },
  );

  test('can be read in ranges', async () => {
    await backend.put('range', '0123456789');
    const read = async (Range: string) => {
      const { bytes, ContentRange, $metadata } = await backend.get('range', { Range });
      return [$metadata.httpStatusCode, bytes.toString(), ContentRange];
    };

    expect(await read('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await read('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await read('bytes=-2')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await read('bytes=0-99')).toEqual([206, '0123456789', 'bytes 0-9/10']);
    await expect(read('bytes=10-')).rejects.toMatchObject(failure('InvalidRange', 416));
  });

  test('can be read conditionally', async () => {
    const { ETag } = await backend.put('conditional');
    const past = new Date(Date.now() - 1e6);

    await backend.get('conditional', { IfMatch: ETag });
    await backend.get('conditional', { IfNoneMatch: '"other"', IfModifiedSince: past });
    await expect(backend.get('conditional', { IfMatch: '"other"' })).rejects.toMatchObject(
      failure('PreconditionFailed', 412),
    );
    await expect(backend.get('conditional', { IfUnmodifiedSince: past })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 412 },
    });
    await expect(backend.get('conditional', { IfNoneMatch: ETag })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    });
  });

  test('can be copied with their own or new metadata', async () => {
    const { bucket: Bucket } = backend;
    await backend.put('from ü', 'body', { ContentType: 'text/a', Metadata: { a: '1' } });
    const CopySource = `${Bucket}/${encodeURIComponent('from ü')}`;
    const copy = (Key: string, rest: object = {}) =>
      backend.s3().send(new CopyObjectCommand({ Bucket, Key, CopySource, ...rest }));
    await copy('same');
    await copy('new', { MetadataDirective: 'REPLACE', Metadata: { b: '2' } });

    expect(await backend.get('same')).toMatchObject({ ContentType: 'text/a', Metadata: { a: '1' } });
    expect((await backend.get('new')).Metadata).toEqual({ b: '2' });
    await expect(copy('x', { CopySourceIfMatch: '"other"' })).rejects.toMatchObject(failure('PreconditionFailed', 412));
    await expect(copy('from ü')).rejects.toMatchObject(failure('InvalidRequest', 400));
  });

  test('can be deleted repeatedly', async () => {
    await backend.put('doomed');
    for (let times = 0; times < 2; times++) {
      await backend.s3().send(new DeleteObjectCommand({ Bucket: backend.bucket, Key: 'doomed' }));
    }
    await expect(backend.get('doomed')).rejects.toMatchObject(failure('NoSuchKey', 404));
  });
});

describe('checksums', () => {
  test.skipIf(IS_LOCALSTACK).each([
    ['ContentMD5', digest('md5', 'other')],
    ['ChecksumSHA256', digest('sha256', 'other')],
    ['ChecksumSHA1', digest('sha1', 'other')],
    ['ChecksumCRC32', Buffer.alloc(4)],
    ['ChecksumCRC64NVME', Buffer.alloc(8)],
  ])('that do not match are refused, and the old object stays: %s', async (name, wrong) => {
    await backend.put(`checksum-${name}`, 'old');
    await expect(backend.put(`checksum-${name}`, 'new', { [name]: wrong.toString('base64') })).rejects.toMatchObject(
      failure('BadDigest', 400),
    );
    expect((await backend.get(`checksum-${name}`)).bytes.toString()).toBe('old');
  });

  test('are returned', async () => {
    const body = randomBytes(100_000);
    const ChecksumSHA256 = digest('sha256', body).toString('base64');
    await backend.put('checksum', body, { ChecksumSHA256 });
    expect(await head('checksum', { ChecksumMode: 'ENABLED' })).toMatchObject({ ChecksumSHA256 });
  });
});

describe('presigned URLs', () => {
  const object = { Bucket: backend.bucket, Key: 'presigned/ü +%.bin' };

  /** By default the SDK signs the checksum of an empty body into the URL, and S3 refuses any other body. */
  async function sign(command: PutObjectCommand | GetObjectCommand, unhoistableHeaders = new Set<string>()) {
    const client = createS3Client({ endpoint: backend.endpoint() });
    client.config.requestChecksumCalculation = async () => 'WHEN_REQUIRED';
    return getSignedUrl(client, command as PutObjectCommand, { expiresIn: 600, unhoistableHeaders });
  }

  test('write and read an object without credentials', async () => {
    const written = await fetch(await sign(new PutObjectCommand({ ...object, ContentType: 'text/x' })), {
      method: 'PUT',
      body: 'by URL',
      headers: { 'content-type': 'text/x' },
    });
    const ResponseContentDisposition = 'attachment; filename="a.txt"';
    const read = await fetch(await sign(new GetObjectCommand({ ...object, ResponseContentDisposition })));

    expect([written.status, read.status, await read.text()]).toEqual([200, 200, 'by URL']);
    expect(read.headers.get('content-type')).toBe('text/x');
    expect(read.headers.get('content-disposition')).toBe(ResponseContentDisposition);
  });

  test('include a signed condition', async () => {
    const command = new PutObjectCommand({ ...object, Key: 'presigned/once', IfNoneMatch: '*' });
    const url = await sign(command, new Set(['if-none-match']));
    const put = async (body: string) =>
      (await fetch(url, { method: 'PUT', body, headers: { 'if-none-match': '*' } })).status;
    expect([await put('first'), await put('second')]).toEqual([200, 412]);
    expect((await backend.get('presigned/once')).bytes.toString()).toBe('first');
  });
});

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';

import { BUCKET, failure, MIB, md5, useServer } from './test-server.ts';

const server = useServer();

describe('buckets', () => {
  it('are created once, found, and deleted when empty', async () => {
    const name = { Bucket: 'other-bucket' };
    await server.send(new CreateBucketCommand(name));
    await expect(server.send(new CreateBucketCommand(name))).rejects.toMatchObject(
      failure('BucketAlreadyOwnedByYou', 409),
    );
    await server.send(new HeadBucketCommand(name));
    await server.send(new PutObjectCommand({ ...name, Key: 'a', Body: Buffer.from('a') }));
    await expect(server.send(new DeleteBucketCommand(name))).rejects.toMatchObject(failure('BucketNotEmpty', 409));
    await server.send(new DeleteObjectsCommand({ ...name, Delete: { Objects: [{ Key: 'a' }, { Key: 'never was' }] } }));
    await server.send(new DeleteBucketCommand(name));
    await expect(server.send(new HeadBucketCommand(name))).rejects.toMatchObject(failure('NotFound', 404));
  });

  it.each(['UPPER', 'a', '1.2.3.4', 'double..dot', '-dash'])('may not be named %s', async (name) => {
    const answer = await fetch(server.url(`/${name}`), { method: 'PUT' });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('InvalidBucketName')]);
  });
});

describe('objects', () => {
  it('keep their metadata and headers', async () => {
    await server.put('meta', 'x', { ContentType: 'text/x', CacheControl: 'no-store', Metadata: { sha256: 'abc' } });

    const { ContentType, CacheControl, Metadata, ETag } = await server.send(
      new HeadObjectCommand({ Bucket: BUCKET, Key: 'meta' }),
    );

    expect({ ContentType, CacheControl, Metadata, ETag }).toEqual({
      ContentType: 'text/x',
      CacheControl: 'no-store',
      Metadata: { sha256: 'abc' },
      ETag: `"${md5('x')}"`,
    });
  });

  it.each(['a b+c&d=e', 'ü/\u{1f600}', '../..//x', '/leading', 'trailing/', '%41', 'quote\'"<&>'])(
    'can have the key %s',
    async (Key) => {
      await server.put(Key, Key);
      expect((await server.get(Key)).bytes.toString()).toBe(Key);
      const { Contents } = await server.send(
        new ListObjectsV2Command({ Bucket: BUCKET, Prefix: Key, EncodingType: 'url' }),
      );
      expect(Contents?.map((object) => decodeURIComponent(object.Key as string))).toEqual([Key]);
    },
  );

  it('may not have a key of more than 1024 bytes', async () => {
    await expect(server.put('ü'.repeat(513))).rejects.toMatchObject(failure('KeyTooLongError', 400));
  });

  it('are read in part', async () => {
    await server.put('range', '0123456789');
    const read = async (Range: string) => {
      const { bytes, ContentRange, ETag, $metadata } = await server.get('range', { Range });
      expect(ETag).toBe(`"${md5('0123456789')}"`);
      return [$metadata.httpStatusCode, bytes.toString(), ContentRange];
    };

    expect(await read('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await read('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await read('bytes=-2')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await read('bytes=0-99')).toEqual([206, '0123456789', 'bytes 0-9/10']);
    expect(await read('bytes=4-2')).toEqual([200, '0123456789', undefined]);
    await expect(read('bytes=10-')).rejects.toMatchObject(failure('InvalidRange', 416));
  });

  it('are read on conditions', async () => {
    const { ETag } = await server.put('conditional');
    const past = new Date(Date.now() - 1e6);

    await server.get('conditional', { IfMatch: ETag });
    await server.get('conditional', { IfNoneMatch: '"other"', IfModifiedSince: past });
    await expect(server.get('conditional', { IfMatch: '"other"' })).rejects.toMatchObject(
      failure('PreconditionFailed', 412),
    );
    await expect(server.get('conditional', { IfUnmodifiedSince: past })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 412 },
    });
    const notModified = await fetch(server.url(`/${BUCKET}/conditional`), {
      headers: { 'if-none-match': ETag as string },
    });
    expect([notModified.status, await notModified.text()]).toEqual([304, '']);
  });

  it('are created by one of many racers, by put, copy and multipart alike', async () => {
    await server.put('source', 'copied');
    const uploads = await Promise.all(
      Array.from({ length: 5 }, () => server.startUpload('race', [Buffer.from('part')])),
    );
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 10 }, () => server.put('race', 'put', { IfNoneMatch: '*' })),
      ...Array.from({ length: 5 }, () =>
        server.send(
          new CopyObjectCommand({ Bucket: BUCKET, Key: 'race', CopySource: `${BUCKET}/source`, IfNoneMatch: '*' }),
        ),
      ),
      ...uploads.map((upload) => server.send(new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: '*' }))),
    ]);

    const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(losers).toHaveLength(outcomes.length - 1);
    for (const { reason } of losers) expect(reason).toMatchObject(failure('PreconditionFailed', 412));
  });

  it('are replaced only by who knows the version, one of many', async () => {
    const { ETag } = await server.put('swap', 'one');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => server.put('swap', `${i}`, { IfMatch: ETag })),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    await expect(server.put('nothing there', 'x', { IfMatch: ETag })).rejects.toMatchObject(failure('NoSuchKey', 404));
  });

  it('are copied, with their metadata or with other', async () => {
    await server.put('from ü', 'body', { ContentType: 'text/a', Metadata: { a: '1' } });
    const CopySource = `${BUCKET}/${encodeURIComponent('from ü')}`;
    await server.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'same', CopySource }));
    await server.send(
      new CopyObjectCommand({
        Bucket: BUCKET,
        Key: 'new',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    );

    expect(await server.get('same')).toMatchObject({
      ContentType: 'text/a',
      Metadata: { a: '1' },
      ETag: `"${md5('body')}"`,
    });
    expect((await server.get('new')).Metadata).toEqual({ b: '2' });
    await expect(
      server.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'x', CopySource, CopySourceIfMatch: '"other"' })),
    ).rejects.toMatchObject(failure('PreconditionFailed', 412));
    await expect(
      server.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'from ü', CopySource })),
    ).rejects.toMatchObject(failure('InvalidRequest', 400));
  });

  it('stay whole for who is reading them while they are replaced', async () => {
    const old = randomBytes(8 * MIB);
    await server.put('moving', old);
    const { Body } = await server.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'moving' }));
    const stream = Body as Readable;
    await new Promise((resolve) => stream.once('readable', resolve));

    await server.put('moving', 'new');

    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(md5(Buffer.concat(chunks))).toBe(md5(old));
    expect((await server.get('moving')).bytes.toString()).toBe('new');
  });
});

describe('lists', () => {
  it('group by delimiter and go on where they were', async () => {
    for (const key of ['l/a', 'l/b/1', 'l/b/2', 'l/c', 'l/d/1']) await server.put(key);
    const page = (rest: object) =>
      server.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'l/', Delimiter: '/', ...rest }));

    const first = await page({ MaxKeys: 2 });
    const second = await page({ MaxKeys: 2, ContinuationToken: first.NextContinuationToken });

    expect(first).toMatchObject({ IsTruncated: true, KeyCount: 2, CommonPrefixes: [{ Prefix: 'l/b/' }] });
    expect(second).toMatchObject({
      IsTruncated: false,
      Contents: [{ Key: 'l/c' }],
      CommonPrefixes: [{ Prefix: 'l/d/' }],
    });
    expect((await page({ StartAfter: 'l/b/1', Delimiter: undefined })).Contents?.[0]?.Key).toBe('l/b/2');
    const old = await server.send(new ListObjectsCommand({ Bucket: BUCKET, Prefix: 'l/', Marker: 'l/b/2' }));
    expect(old.Contents?.map((object) => object.Key)).toEqual(['l/c', 'l/d/1']);
  });
});

describe('what it lacks', () => {
  it.each([
    ['GET', `/${BUCKET}?versioning`, {}],
    ['PUT', `/${BUCKET}?versioning`, {}],
    ['GET', `/${BUCKET}?versions`, {}],
    ['PUT', `/${BUCKET}/a?tagging`, {}],
    ['GET', `/${BUCKET}/a?versionId=1`, {}],
    ['PUT', `/${BUCKET}?lifecycle`, {}],
    ['POST', `/${BUCKET}/a?select&select-type=2`, {}],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-tagging': 'a=b' }],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-server-side-encryption': 'aws:kms' }],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-object-lock-mode': 'COMPLIANCE' }],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-storage-class': 'GLACIER' }],
  ])('is refused, not ignored: %s %s %o', async (method, path, headers) => {
    const answer = await fetch(server.url(path), { method, headers, ...(method === 'GET' ? {} : { body: 'x' }) });
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining('<Code>NotImplemented</Code>')]);
  });
});

it('gives a request that breaks off no object, and no failure of the server', async () => {
  await new Promise<void>((resolve) => {
    const socket = connect(server.port(), '127.0.0.1', () => {
      socket.write(`PUT /${BUCKET}/broken-off HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this`, () => {
        setTimeout(() => socket.destroy(), 50);
      });
    });
    socket.on('close', () => resolve());
  });
  await expect(server.get('broken-off')).rejects.toMatchObject(failure('NoSuchKey', 404));
});

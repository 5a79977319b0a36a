import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';

import { BUCKET, failure, MIB, md5, useServer } from './testing.ts';

const server = useServer();

describe('buckets', () => {
  test('are created once, found, and deleted when empty', async () => {
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

  test.each(['UPPER', 'a', '1.2.3.4', 'double..dot', '-dash'])('cannot be named %s', async (name) => {
    const answer = await fetch(server.url(`/${name}`), { method: 'PUT' });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('InvalidBucketName')]);
  });
});

describe('objects', () => {
  test.each(['../..//x', '/leading', 'a//b'])('can have the key %s', async (Key) => {
    await server.put(Key, Key);
    expect((await server.get(Key)).bytes.toString()).toBe(Key);
    const { Contents } = await server.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: Key, EncodingType: 'url' }),
    );
    expect(Contents?.map((object) => decodeURIComponent(object.Key as string))).toEqual([Key]);
  });

  test('cannot have a key of more than 1024 bytes', async () => {
    await expect(server.put('ü'.repeat(513))).rejects.toMatchObject(failure('KeyTooLongError', 400));
  });

  test('stay complete for a reader while they are replaced', async () => {
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
  test('are available as ListObjects too', async () => {
    for (const key of ['l/a', 'l/b/1', 'l/b/2', 'l/c', 'l/d/1']) await server.put(key);
    const old = await server.send(new ListObjectsCommand({ Bucket: BUCKET, Prefix: 'l/', Marker: 'l/b/2' }));
    expect(old.Contents?.map((object) => object.Key)).toEqual(['l/c', 'l/d/1']);
  });
});

describe('versions', () => {
  const versionsOf = (more: object) =>
    server.send(new ListObjectVersionsCommand({ Bucket: BUCKET, Prefix: 'v/', ...more }));

  test('are one for each object, in pages', async () => {
    for (const key of ['v/a', 'v/b', 'v/c']) await server.put(key);

    const first = await versionsOf({ MaxKeys: 2 });
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = first;
    const second = await versionsOf({ KeyMarker, VersionIdMarker });

    const keys = [first, second].map(({ Versions = [] }) => Versions.map(({ Key }) => Key));
    expect(keys).toEqual([['v/a', 'v/b'], ['v/c']]);
    expect([first.IsTruncated, second.IsTruncated]).toEqual([true, false]);
    expect(first.Versions?.[0]).toMatchObject({ VersionId: 'null', IsLatest: true, Size: 1 });
  });

  test('are deleted one by one or many at once; others than "null" do not exist', async () => {
    for (const key of ['v/a', 'v/b', 'v/c']) await server.put(key);
    const Objects = [{ Key: 'v/b', VersionId: 'null' }];

    await server.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'v/a', VersionId: 'null' }));
    await server.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));
    const wrong = server.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'v/c', VersionId: 'x' }));

    await expect(wrong).rejects.toMatchObject(failure('InvalidArgument', 400));
    expect((await versionsOf({})).Versions?.map(({ Key }) => Key)).toEqual(['v/c']);
  });
});

describe('an operation that is not implemented', () => {
  test.each([
    ['GET', `/${BUCKET}?versioning`, {}],
    ['PUT', `/${BUCKET}?versioning`, {}],
    ['GET', `/${BUCKET}?versioning`, {}],
    ['PUT', `/${BUCKET}/a?tagging`, {}],
    ['GET', `/${BUCKET}/a?versionId=1`, {}],
    ['PUT', `/${BUCKET}?lifecycle`, {}],
    ['POST', `/${BUCKET}/a?select&select-type=2`, {}],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-tagging': 'a=b' }],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-server-side-encryption': 'aws:kms' }],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-object-lock-mode': 'COMPLIANCE' }],
    ['PUT', `/${BUCKET}/a`, { 'x-amz-storage-class': 'GLACIER' }],
  ])('is refused: %s %s %o', async (method, path, headers) => {
    const answer = await fetch(server.url(path), { method, headers, ...(method === 'GET' ? {} : { body: 'x' }) });
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining('<Code>NotImplemented</Code>')]);
  });
});

test('stores nothing for an interrupted request and reports no failure', async () => {
  await new Promise<void>((resolve) => {
    const socket = connect(server.port(), '127.0.0.1', () => {
      socket.write(
        `PUT /${BUCKET}/broken-off HTTP/1.1\r\nHost: 127.0.0.1:${server.port()}\r\nContent-Length: 1000\r\n\r\nonly this`,
        () => {
          setTimeout(() => socket.destroy(), 50);
        },
      );
    });
    socket.on('close', () => resolve());
  });
  await expect(server.get('broken-off')).rejects.toMatchObject(failure('NoSuchKey', 404));
});

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { type ChecksumAlgorithm, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';

import { BUCKET, MIB, md5, sendRaw, useServer } from './testing.ts';

const server = useServer();

describe('checksums', () => {
  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'])(
    '%s as boto3 sends it behind a chunked body',
    async (name) => {
      const file = new URL(`../../test/fixtures/storage/boto3-put-${name.toLowerCase()}.http`, import.meta.url);
      const answer = await sendRaw(server.port(), readFileSync(file));
      const stored = await server.send(new GetObjectCommand({ Bucket: BUCKET, Key: `folder/${name} +ü.bin` }));

      expect(answer).toMatch(/HTTP\/1\.1 200/);
      expect(answer).toContain(`x-amz-checksum-${name.toLowerCase()}: `);
      expect(stored).toMatchObject({
        Metadata: { origin: 'boto3' },
        ContentType: 'application/x-test',
        ContentEncoding: 'gzip',
      });
      expect(await stored.Body?.transformToByteArray()).toEqual(
        Uint8Array.from({ length: 1500 }, (_, i) => (i * 7 + (i >> 8)) % 256),
      );
    },
  );

  test('that do not match are refused without storing anything', async () => {
    const file = new URL('../../test/fixtures/storage/boto3-put-sha1.http', import.meta.url);
    const changed = Buffer.from(
      readFileSync(file, 'latin1').replace('SHA1%20', 'BAD%20').replace(')07>', ')07?'),
      'latin1',
    );

    expect(await sendRaw(server.port(), changed)).toMatch(/HTTP\/1\.1 400[\s\S]*<Code>BadDigest/);

    const { Contents } = await server.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'folder/BAD' }));
    expect(Contents).toBeUndefined();
  });

  test.each([
    ['content-md5', Buffer.from(md5('other'), 'hex').toString('base64'), 'BadDigest'],
    ['content-md5', 'short', 'InvalidDigest'],
    ['x-amz-checksum-crc32', 'AAAAAA==', 'BadDigest'],
    ['x-amz-checksum-sha256', 'AAAAAA==', 'BadDigest'],
    ['x-amz-content-sha256', '0'.repeat(64), 'XAmzContentSHA256Mismatch'],
    ['x-amz-checksum-xxhash64', 'AAAAAA==', 'NotImplemented'],
  ])('in %s: %s is %s', async (name, value, code) => {
    const answer = await fetch(server.url(`/${BUCKET}/bad`), {
      method: 'PUT',
      body: 'x',
      headers: { [name]: value },
    });
    expect(await answer.text()).toContain(`<Code>${code}</Code>`);
    expect((await fetch(server.url(`/${BUCKET}/bad`))).status).toBe(404);
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as readonly ChecksumAlgorithm[])(
    '%s of a stream of the SDK comes back and is verified by it',
    async (ChecksumAlgorithm) => {
      const bytes = randomBytes(300_000);
      const Body = Readable.from([bytes.subarray(0, 100_001), bytes.subarray(100_001)]);
      const Key = `stream-${ChecksumAlgorithm}`;
      const sent = await server.send(
        new PutObjectCommand({ Bucket: BUCKET, Key, Body, ContentLength: bytes.length, ChecksumAlgorithm }),
      );
      const received = await server.get(Key, { ChecksumMode: 'ENABLED' });

      const field = `Checksum${ChecksumAlgorithm}` as 'ChecksumCRC32';
      expect(sent[field]).toBeTruthy();
      expect(received).toMatchObject({ [field]: sent[field], ChecksumType: 'FULL_OBJECT' });
      expect(md5(received.bytes)).toBe(md5(bytes));
    },
  );
});

describe('large bodies, which are hashed in a thread', () => {
  const MORE = 5 * MIB;
  const put = (key: string, body: Uint8Array, headers: Record<string, string> = {}) =>
    fetch(server.url(`/${BUCKET}/${key}`), { method: 'PUT', body: Buffer.from(body), headers });

  test.each([MORE, MORE + 1, 4 * MIB, 4 * MIB - 1])(
    'have the ETag of their %d bytes, several at a time',
    async (bytes) => {
      const bodies = Array.from({ length: 6 }, () => randomBytes(bytes));

      const answers = await Promise.all(bodies.map((body, index) => put(`large-${index}`, body)));

      expect(answers.map(({ headers }) => headers.get('etag'))).toEqual(bodies.map((body) => `"${md5(body)}"`));
      for (const [index, body] of bodies.entries())
        expect(md5((await server.get(`large-${index}`)).bytes)).toBe(md5(body));
    },
  );

  test('with a wrong hash are refused without storing anything', async () => {
    const body = randomBytes(MORE);
    const wrong = { 'x-amz-content-sha256': '0'.repeat(64) };
    const other = { 'content-md5': Buffer.from(md5('other'), 'hex').toString('base64') };

    expect(await (await put('refused', body, wrong)).text()).toContain('<Code>XAmzContentSHA256Mismatch</Code>');
    expect(await (await put('refused', body, other)).text()).toContain('<Code>BadDigest</Code>');

    expect((await fetch(server.url(`/${BUCKET}/refused`))).status).toBe(404);
  });

  test('that end early leave nothing behind for the next one', async () => {
    const body = randomBytes(MORE);
    const cut = connect(server.port(), '127.0.0.1');
    cut.end(`PUT /${BUCKET}/cut HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${MORE}\r\n\r\n${'x'.repeat(3 * MIB)}`);
    await once(cut.resume(), 'close');

    const answer = await put('next', body);

    expect(answer.headers.get('etag')).toBe(`"${md5(body)}"`);
    expect((await fetch(server.url(`/${BUCKET}/cut`))).status).toBe(404);
  });
});

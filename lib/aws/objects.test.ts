import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createObjectStorage } from './objects.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers requests with the given functions in turn, and repeats the last one. */
async function serving(...answers: readonly ((response: ServerResponse) => void)[]) {
  let requests = 0;
  const store = await storeOf((_, response) => answers[Math.min(requests++, answers.length - 1)]?.(response));
  return { store, requests: () => requests };
}

async function storeOf(listener: RequestListener) {
  server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return createObjectStorage({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })('bucket');
}

const whole = (response: ServerResponse) => response.writeHead(206, { 'content-length': 6 }).end('abcdef');
const interrupted = (response: ServerResponse) => {
  response.writeHead(206, { 'content-length': 6 });
  response.write('abc', () => response.destroy());
};
const tooLong = (response: ServerResponse) => response.writeHead(200, { 'content-length': 8 }).end('abcdefgh');

describe.each([
  ['new memory', () => undefined],
  ['given memory', () => new Uint8Array(6)],
])('a range read into %s', (_, memory) => {
  test('is requested again if its body is interrupted', async () => {
    const { store, requests } = await serving(interrupted, interrupted, whole);

    const bytes = await store.getRange('key', 0, 6, memory());

    expect(Buffer.from(bytes).toString()).toBe('abcdef');
    expect(requests()).toBe(3);
  });

  test('fails after three attempts', async () => {
    const { store, requests } = await serving(interrupted);

    await expect(store.getRange('key', 0, 6, memory())).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    expect(requests()).toBe(3);
  });
});

describe('a range', () => {
  test('is never written beyond the given memory', async () => {
    const { store } = await serving(tooLong);
    const memory = new Uint8Array(8);

    await expect(store.getRange('key', 0, 6, memory.subarray(0, 6))).rejects.toThrow('received 8 bytes');

    expect([...memory.subarray(6)]).toEqual([0, 0]);
  });
});

describe('an upload of parts', () => {
  test('fails if S3 does not know it at completion, even if another upload created the object', async () => {
    const store = await storeOf((request, response) => {
      request.resume();
      if (request.url?.includes('uploads')) {
        response.end('<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>');
      } else if (request.method === 'POST') {
        response.writeHead(404).end('<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>');
      } else {
        response.writeHead(200, { etag: '"e"', 'x-amz-meta-upload': 'another' }).end();
      }
    });
    const written = store.putParts('key', partsOf('a', 'b'));

    await expect(written).rejects.toThrow('Cannot write s3://bucket/key: gone (NoSuchUpload 404).');
    await expect(written).rejects.toMatchObject({ code: 'STORAGE' });
  });

  test('sends each part with its CRC-32 alone, and gives back its memory once it is stored', async () => {
    const checksums: unknown[] = [];
    const stored: string[] = [];
    const store = await storeOf((request, response) => {
      request.resume();
      if (request.url?.includes('uploads')) {
        response.end('<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>');
      } else if (request.method === 'POST') {
        stored.push('complete');
        response.end('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>');
      } else {
        const { 'x-amz-content-sha256': sha256, 'x-amz-checksum-crc32': crc32 } = request.headers;
        checksums.push([sha256, crc32]);
        response.writeHead(200, { etag: '"e"' }).end();
      }
    });

    await store.putParts('key', partsOf('a', 'b', 'c'), (part) => stored.push(Buffer.from(part).toString()));

    const crc = (text: string) => Buffer.from(crc32(text).toString(16).padStart(8, '0'), 'hex').toString('base64');
    expect(checksums.toSorted()).toEqual(['a', 'b', 'c'].map((text) => ['UNSIGNED-PAYLOAD', crc(text)]).toSorted());
    expect(stored.slice(0, 3).toSorted()).toEqual(['a', 'b', 'c']);
    expect(stored[3]).toBe('complete');
  });
});

/** A part for each text. */
async function* partsOf(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

describe('an object that S3 denies', () => {
  const xml = (response: ServerResponse, status: number, body: string) =>
    response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`);
  const denied = (response: ServerResponse) => xml(response, 403, '<Error><Code>AccessDenied</Code></Error>');
  const listed = (keys: string) => (response: ServerResponse) =>
    xml(response, 200, `<ListBucketResult>${keys}<IsTruncated>false</IsTruncated></ListBucketResult>`);
  const tryGet = async (list: (response: ServerResponse) => void) => {
    const store = await storeOf(({ url = '' }, response) => (url.includes('prefix=') ? list : denied)(response));
    return store.tryGet('campaigns/c/seal.json');
  };
  const entry = (key: string) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`;

  test('is missing if the listing of its key is empty', async () => {
    expect(await tryGet(listed(''))).toBeUndefined();
    expect(await tryGet(listed(entry('campaigns/c/seal.json.old')))).toBeUndefined();
  });

  test('is forbidden if it is listed, or may not be listed', async () => {
    await expect(tryGet(listed(entry('campaigns/c/seal.json')))).rejects.toMatchObject({ code: 'STORAGE' });
    await expect(tryGet(denied)).rejects.toMatchObject({ code: 'STORAGE' });
  });
});

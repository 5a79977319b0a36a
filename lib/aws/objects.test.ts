import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createObjectStorage } from './objects.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers requests for bytes in turn as the given functions do, the last one for ever. */
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
const brokenOff = (response: ServerResponse) => {
  response.writeHead(206, { 'content-length': 6 });
  response.write('abc', () => response.destroy());
};
const tooLong = (response: ServerResponse) => response.writeHead(200, { 'content-length': 8 }).end('abcdefgh');

describe.each([
  ['memory of its own', () => undefined],
  ['memory that it is given', () => new Uint8Array(6)],
])('a range that is read into %s', (_, memory) => {
  test('is asked for again where its body breaks off', async () => {
    const { store, requests } = await serving(brokenOff, brokenOff, whole);

    const bytes = await store.getRange('key', 0, 6, memory());

    expect(Buffer.from(bytes).toString()).toBe('abcdef');
    expect(requests()).toBe(3);
  });

  test('is given up where that does not help', async () => {
    const { store, requests } = await serving(brokenOff);

    await expect(store.getRange('key', 0, 6, memory())).rejects.toMatchObject({ code: 'STORAGE' });
    expect(requests()).toBe(3);
  });
});

describe('a range', () => {
  test('never goes beyond the memory that it is given', async () => {
    const { store } = await serving(tooLong);
    const memory = new Uint8Array(8);

    await expect(store.getRange('key', 0, 6, memory.subarray(0, 6))).rejects.toThrow('8 bytes came');

    expect([...memory.subarray(6)]).toEqual([0, 0]);
  });
});

describe('an upload of parts', () => {
  test('that is unknown at its end has failed, although an object of another upload has the key', async () => {
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
    async function* parts() {
      yield Buffer.from('a');
      yield Buffer.from('b');
    }

    const written = store.putParts('key', parts());

    await expect(written).rejects.toThrow('Cannot write s3://bucket/key: gone (NoSuchUpload 404).');
    await expect(written).rejects.toMatchObject({ code: 'STORAGE' });
  });
});

describe('an object that S3 calls forbidden, since it may not say that it is missing', () => {
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

  test('is missing where the listing of its key has none', async () => {
    expect(await tryGet(listed(''))).toBeUndefined();
    expect(await tryGet(listed(entry('campaigns/c/seal.json.old')))).toBeUndefined();
  });

  test('is forbidden where it is listed, and where it may not be listed', async () => {
    await expect(tryGet(listed(entry('campaigns/c/seal.json')))).rejects.toMatchObject({ code: 'STORAGE' });
    await expect(tryGet(denied)).rejects.toMatchObject({ code: 'STORAGE' });
  });
});

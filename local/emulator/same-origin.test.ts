import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { BUCKET, useServer } from './testing.ts';

const server = useServer();

/** Sends a request with headers that `fetch` does not set. */
async function ask(method: string, path: string, headers: OutgoingHttpHeaders, body = '') {
  const withLength = { ...headers, 'content-length': Buffer.byteLength(body) };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ port: server.port(), host: '127.0.0.1', method, path, headers: withLength }, resolve)
      .on('error', reject)
      .end(body);
  });
  return { status: answer.statusCode, body: await text(answer), headers: answer.headers };
}

const FOREIGN: readonly [string, () => OutgoingHttpHeaders][] = [
  ['a name that was rebound to 127.0.0.1', () => ({ host: `evil.example:${server.port()}` })],
  ['a name without a port', () => ({ host: 'evil.example' })],
  ['a name that begins like an allowed one', () => ({ host: `localhost.evil.example:${server.port()}` })],
  ['another port', () => ({ host: '127.0.0.1:1' })],
  ['a page of another origin', () => ({ origin: 'https://evil.example' })],
  ['a page on another port of this machine', () => ({ origin: 'http://localhost:1' })],
  ['a page without an origin', () => ({ origin: 'null' })],
  ['another site', () => ({ 'sec-fetch-site': 'cross-site' })],
  ['another host of the same site', () => ({ 'sec-fetch-site': 'same-site' })],
];
const DELETION = '<Delete><Object><Key>precious</Key></Object></Delete>';

describe.each(FOREIGN)('a request from %s', (_what, headers) => {
  test('is refused by S3 without an effect', async () => {
    await server.put('precious', 'data');

    const deleted = await ask('POST', `/${BUCKET}?delete`, { ...headers(), 'content-type': 'text/plain' }, DELETION);
    const read = await ask('GET', `/${BUCKET}/precious`, headers());
    const preflight = await ask('OPTIONS', `/${BUCKET}/precious`, headers());

    for (const { status, body } of [deleted, read, preflight]) {
      expect([status, body]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')]);
    }
    expect((await server.get('precious')).bytes.toString()).toBe('data');
  });

  test('is refused by SQS', async () => {
    const action = { 'x-amz-target': 'AmazonSQS.ListQueues' };
    const { status, body } = await ask('POST', '/', { ...action, ...headers() }, '{}');
    expect([status, JSON.parse(body)]).toMatchObject([403, { __type: 'com.amazonaws.sqs#AccessDeniedException' }]);
  });

  test.each(['GET', 'PUT', 'DELETE'])('is refused by the control endpoint: %s', async (method) => {
    const { status, body } = await ask(method, '/_fedcardio/faults', headers(), '{"rules":[{"fault":"drop"}]}');
    expect([status, JSON.parse(body)]).toMatchObject([403, { message: expect.any(String) }]);
    expect(await server.struck()).toEqual([]);
  });
});

test.each<[string, () => OutgoingHttpHeaders]>([
  ['no headers of a browser', () => ({})],
  ['localhost', () => ({ host: `localhost:${server.port()}` })],
  ['LOCALHOST', () => ({ host: `LOCALHOST:${server.port()}` })],
  ['[::1]', () => ({ host: `[::1]:${server.port()}` })],
  ["the server's own origin", () => ({ origin: server.endpoint(), 'sec-fetch-site': 'same-origin' })],
  ['an address that the user has typed', () => ({ 'sec-fetch-site': 'none' })],
])('answers a request with %s', async (_what, headers) => {
  const { status } = await ask('GET', `/${BUCKET}?list-type=2`, headers());
  expect(status).toBe(200);
});

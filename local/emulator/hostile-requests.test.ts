import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { BUCKET, MIB, useServer } from './testing.ts';

const server = useServer();
const head = (...lines: readonly string[]) => `${[...lines, `Host: 127.0.0.1:${server.port()}`].join('\r\n')}\r\n\r\n`;

/** Sends requests on one connection, the second after the first answer, and returns the status of both answers. */
async function statusesOnOneConnection(first: Buffer, second: Buffer): Promise<readonly string[]> {
  const socket = connect(server.port(), '127.0.0.1');
  let answers = '';
  socket.on('data', (data) => {
    answers += data.toString('latin1');
  });
  const statuses = () => answers.match(/HTTP\/1\.1 (?!100)\d+/g)?.map((line) => line.slice(-3)) ?? [];
  socket.write(first);
  await expect.poll(() => statuses().length, { timeout: 5000 }).toBe(1);
  socket.write(second);
  await expect.poll(() => statuses().length, { timeout: 5000 }).toBe(2);
  socket.destroy();
  return statuses();
}

test.each<[string, readonly string[], number, string]>([
  [
    'a body with more bytes than x-amz-decoded-content-length',
    ['PUT /b/k', 'x-amz-decoded-content-length: 3'],
    MIB,
    '400',
  ],
  ['a broken aws-chunked framing', ['PUT /b/k', 'x-amz-decoded-content-length: 10'], MIB, '400'],
  ['too large a document', ['POST /b?delete'], 5 * MIB, '400'],
  ['too large a body of an SQS request', ['POST /', 'x-amz-target: AmazonSQS.ListQueues'], 8 * MIB, '400'],
  ['too large a configuration of faults', ['PUT /_fedcardio/faults'], 2 * MIB, '400'],
])('answers a request with %s and keeps the connection', async (what, [line, ...headers], bytes, status) => {
  const chunked = what.includes('chunked') || what.includes('decoded');
  const request = head(
    `${line?.replace('/b', `/${BUCKET}`)} HTTP/1.1`,
    ...headers,
    ...(chunked ? ['x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER'] : []),
    `Content-Length: ${bytes}`,
  );
  const body = Buffer.alloc(bytes, ' ');
  if (what.includes('decoded')) body.write('9\r\n123456789\r\n');
  const health = Buffer.from(head('GET /_fedcardio/health HTTP/1.1'));

  const answers = await statusesOnOneConnection(Buffer.concat([Buffer.from(request), body]), health);

  expect(answers).toEqual([status, '200']);
});

const ENCODED = ['%0d%0aX-Evil:%201', '%00', '%7f', '%01', '%e2%82%ac'];

test.each(ENCODED)(
  'refuses %s in a header that it would store, also in the query of a presigned URL',
  async (value) => {
    const paths = ['x-amz-meta-note', 'X-Amz-Meta-Note'].map((name) => `/${BUCKET}/evil?${name}=a${value}`);
    const answers = [
      ...(await Promise.all(paths.map((path) => fetch(server.url(path), { method: 'PUT', body: 'x' })))),
      await fetch(server.url(`/${BUCKET}/evil?x-amz-meta-a${value}=b`), { method: 'PUT', body: 'x' }),
      await fetch(server.url(`/${BUCKET}/evil?uploads&x-amz-meta-note=a${value}`), { method: 'POST' }),
    ];

    for (const answer of answers) {
      expect([answer.status, await answer.text()]).toEqual([
        400,
        expect.stringContaining('<Code>InvalidArgument</Code>'),
      ]);
    }
    expect((await fetch(server.url(`/${BUCKET}/evil`))).status).toBe(404);
  },
);

test.each(['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-type', 'expires'])(
  'refuses control characters in response-%s',
  async (name) => {
    await server.put('plain');
    for (const value of ENCODED) {
      const answer = await fetch(server.url(`/${BUCKET}/plain?response-${name}=a${value}`));
      expect([answer.status, await answer.text()]).toEqual([
        400,
        expect.stringContaining('<Code>InvalidArgument</Code>'),
      ]);
      const head = await fetch(server.url(`/${BUCKET}/plain?response-${name}=a${value}`), { method: 'HEAD' });
      expect(head.status).toBe(400);
    }
    const answer = await fetch(server.url(`/${BUCKET}/plain?response-${name}=fine`));
    expect([answer.status, answer.headers.get(name)]).toEqual([200, 'fine']);
  },
);

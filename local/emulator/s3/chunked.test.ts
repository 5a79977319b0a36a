import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeChunked } from './chunked.ts';

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function decode(bytes: Buffer, size = bytes.length) {
  const trailers = new Map<string, string>();
  const chunks: Uint8Array[] = [];
  for await (const chunk of decodeChunked(pieces(bytes, Math.max(1, size)), trailers)) chunks.push(Buffer.from(chunk));
  return { body: Buffer.concat(chunks), trailers };
}

describe('aws-chunked', () => {
  test('decodes the signed chunks of the example in the S3 API reference', async () => {
    // "Signature calculations for the Authorization header: transferring payload in multiple chunks".
    const signature = (text: string) => `;chunk-signature=${text.repeat(32).slice(0, 64)}\r\n`;
    const framed = Buffer.concat([
      Buffer.from(`10000${signature('ad80c730a21e5b8d04586a2213dd63b9')}`),
      Buffer.alloc(65536, 'a'),
      Buffer.from(`\r\n400${signature('0055627c9e194cb4542bae2aa5492e3c')}`),
      Buffer.alloc(1024, 'a'),
      Buffer.from(`\r\n0${signature('b6c6ea8a5354eaf15b3cb7646744f427')}\r\n`),
    ]);

    const { body, trailers } = await decode(framed, 1000);

    expect(Buffer.compare(body, Buffer.alloc(66560, 'a'))).toBe(0);
    expect(trailers.size).toBe(0);
  });

  test('decodes any body in any chunks, however split, with its trailers', async () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(bodies, fc.integer({ min: 1, max: 50 }), fc.boolean(), async (chunks, size, lastLine) => {
        const framed = Buffer.concat([
          ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
          Buffer.from(`0\r\nX-Amz-Checksum-Crc32: AAAAAA==\r\n${lastLine ? '\r\n' : ''}`),
        ]);
        const { body, trailers } = await decode(framed, size);
        expect(body).toEqual(Buffer.concat(chunks));
        expect([...trailers]).toEqual([['x-amz-checksum-crc32', 'AAAAAA==']]);
      }),
    );
  });

  test.each([
    ['ends within a chunk', 'a\r\n12345'],
    ['ends before the last chunk', '5\r\n12345\r\n'],
    ['has a chunk longer than its size', '3\r\n12345\r\n0\r\n\r\n'],
    ['has no size', 'hello\r\n'],
    ['has a line without end', 'a'.repeat(10_000)],
    ['is empty', ''],
  ])('refuses a body that %s', async (_what, text) => {
    await expect(decode(Buffer.from(text))).rejects.toMatchObject({ code: 'IncompleteBody' });
  });
});

import { S3Error } from './error.ts';

/** Longer than any chunk header or trailer that a client sends. */
const MAX_LINE = 8 * 1024;

/**
 * Removes the `aws-chunked` framing of a body: `size;chunk-signature=…`, bytes, …, `0`, trailers. Signatures are not
 * checked.
 *
 * @param trailers receives the headers after the last chunk, names in lower case
 * @throws S3Error IncompleteBody if the body ends early or its framing is invalid
 */
export async function* decodeChunked(
  source: AsyncIterable<Uint8Array>,
  trailers: Map<string, string>,
): AsyncGenerator<Uint8Array> {
  /** The next part of the body: a chunk's size, its bytes, the line end after them, trailers, or nothing. */
  let state: 'size' | 'data' | 'end-of-data' | 'trailer' | 'done' = 'size';
  let line = '';
  let remaining = 0;

  for await (const bytes of source) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < buffer.length && state !== 'done') {
      if (state === 'data') {
        const end = Math.min(buffer.length, at + remaining);
        yield buffer.subarray(at, end);
        remaining -= end - at;
        at = end;
        if (remaining === 0) state = 'end-of-data';
        continue;
      }
      const newline = buffer.indexOf(10, at);
      line += buffer.toString('latin1', at, newline < 0 ? buffer.length : newline);
      if (line.length > MAX_LINE) throw new S3Error('IncompleteBody', 'A line of the aws-chunked framing is too long.');
      if (newline < 0) break;
      at = newline + 1;
      const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
      line = '';
      if (state === 'end-of-data') {
        if (whole !== '') throw new S3Error('IncompleteBody', 'A chunk is longer than its header says.');
        state = 'size';
      } else if (state === 'size') {
        remaining = sizeOf(whole);
        state = remaining > 0 ? 'data' : 'trailer';
      } else if (whole === '') {
        state = 'done';
      } else {
        const colon = whole.indexOf(':');
        trailers.set(whole.slice(0, colon).trim().toLowerCase(), whole.slice(colon + 1).trim());
      }
    }
  }
  // Some clients omit the empty line after the trailers.
  if (state !== 'done' && state !== 'trailer') throw new S3Error('IncompleteBody');
}

function sizeOf(header: string): number {
  const digits = /^([0-9a-fA-F]{1,12})(?:;|$)/.exec(header)?.[1];
  if (digits === undefined) throw new S3Error('IncompleteBody', 'A chunk of the aws-chunked body has no size.');
  return Number.parseInt(digits, 16);
}

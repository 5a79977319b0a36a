import { S3Error } from './error.ts';

/** Bytes from `start` to `end`, exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The range of a Range header, limited to the object. Undefined without a header, or for anything but a single byte range,
 * which RFC 9110 says to ignore.
 *
 * @throws S3Error InvalidRange if the range starts after the last byte
 */
export function parseRange(header: string | undefined, bytes: number): ByteRange | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (start >= end) throw new S3Error('InvalidRange', undefined, { 'content-range': `bytes */${bytes}` });
  return { start, end };
}

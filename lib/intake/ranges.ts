import { mapAhead } from '../async.ts';

/** Reads the bytes from `start` to `end`, exclusive, of an object. */
type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** Contains any NIfTI header, and usually the whole of a markups file or a small label. */
export const FIRST_RANGE_BYTES = 1 << 16;
/** Large enough that the requests for a CT of 200 MB cost little; small enough for many CTs in memory at once. */
const RANGE_BYTES = 1 << 22;
/** Ranges that are requested ahead, so that the next one arrives while this one is decompressed. */
const RANGES_AHEAD = 2;

/**
 * Reads an object's bytes in order, range by range. A consumer that stops after the first range has read only
 * {@link FIRST_RANGE_BYTES}. Unlike one long stream, a failed range is retried alone.
 *
 * @param bytes size of the object
 */
export async function* readRanges(read: ReadRange, bytes: number): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return;
  yield await read(0, Math.min(FIRST_RANGE_BYTES, bytes));
  const starts: number[] = [];
  for (let start = FIRST_RANGE_BYTES; start < bytes; start += RANGE_BYTES) starts.push(start);
  yield* mapAhead(starts, RANGES_AHEAD, (start) => read(start, Math.min(start + RANGE_BYTES, bytes)));
}

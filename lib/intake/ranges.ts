import { mapAhead } from '../async.ts';

/** Reads bytes `start` up to `end`, exclusive, of an object. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** Enough for any header, and for all of a markups file or a small label. */
export const FIRST_RANGE_BYTES = 1 << 16;
/** So large that the requests of a CT of 200 MB cost nothing, so small that many CTs are in memory at once. */
const RANGE_BYTES = 1 << 22;
/** Ranges asked for before they are needed: the next one comes while this one is unpacked. */
const AHEAD = 2;

/**
 * An object's bytes in order, each range asked for only when the ones before are wanted: who stops after the first
 * piece has read {@link FIRST_RANGE_BYTES}. Unlike one long stream, a range that fails is asked for again.
 *
 * @param bytes size of the object
 */
export async function* rangesOf(read: ReadRange, bytes: number): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return;
  yield await read(0, Math.min(FIRST_RANGE_BYTES, bytes));
  const starts: number[] = [];
  for (let start = FIRST_RANGE_BYTES; start < bytes; start += RANGE_BYTES) starts.push(start);
  yield* mapAhead(starts, AHEAD, (start) => read(start, Math.min(start + RANGE_BYTES, bytes)));
}

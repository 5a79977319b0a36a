import { expect, test } from 'vitest';
import { collect } from '../async.ts';
import { FIRST_RANGE_BYTES, readRanges } from './ranges.ts';

const FILE = new Uint8Array(10_000_000).map((_, i) => i % 251);

/** Reads a file of `bytes` bytes and records the requested ranges. */
function recordedRead(bytes: number) {
  const requested: (readonly [number, number])[] = [];
  const source = readRanges(async (start, end) => {
    requested.push([start, end]);
    return FILE.subarray(start, Math.min(end, bytes));
  }, bytes);
  return { requested, source };
}

test.each([0, 1, FIRST_RANGE_BYTES - 1, FIRST_RANGE_BYTES, FIRST_RANGE_BYTES + 1, 4 << 20, FILE.length])(
  'reads each of %i bytes once, in order',
  async (bytes) => {
    const { requested, source } = recordedRead(bytes);
    expect(Buffer.concat(await collect(source)).equals(FILE.subarray(0, bytes))).toBe(true);
    expect(requested.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(bytes);
  },
);

test('requests nothing after the first range until it is consumed, and then few ranges ahead', async () => {
  const { requested, source } = recordedRead(FILE.length);
  await source.next();
  expect(requested).toEqual([[0, FIRST_RANGE_BYTES]]);
  await source.next();
  expect(requested).toHaveLength(3);
  await source.return(undefined);
  expect(requested).toHaveLength(3);
});

test('throws the error of a range that cannot be read', async () => {
  const source = readRanges(
    (start) =>
      start === 0
        ? Promise.resolve(FILE.subarray(0, FIRST_RANGE_BYTES))
        : Promise.reject(new Error('connection reset')),
    FILE.length,
  );
  await expect(collect(source)).rejects.toThrow('connection reset');
});

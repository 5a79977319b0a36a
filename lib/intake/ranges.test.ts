import { expect, test } from 'vitest';
import { collect } from '../async.ts';
import { FIRST_RANGE_BYTES, rangesOf } from './ranges.ts';

const FILE = new Uint8Array(10_000_000).map((_, i) => i % 251);

/** Reads of a file of so many bytes, as they are asked for. */
function reading(bytes: number) {
  const asked: (readonly [number, number])[] = [];
  const source = rangesOf(async (start, end) => {
    asked.push([start, end]);
    return FILE.subarray(start, Math.min(end, bytes));
  }, bytes);
  return { asked, source };
}

test.each([0, 1, FIRST_RANGE_BYTES - 1, FIRST_RANGE_BYTES, FIRST_RANGE_BYTES + 1, 4 << 20, FILE.length])(
  'the ranges of %i bytes are these bytes, each once',
  async (bytes) => {
    const { asked, source } = reading(bytes);
    expect(Buffer.concat(await collect(source)).equals(FILE.subarray(0, bytes))).toBe(true);
    expect(asked.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(bytes);
  },
);

test('nothing beyond the first range is asked for before it is wanted, and then little ahead', async () => {
  const { asked, source } = reading(FILE.length);
  await source.next();
  expect(asked).toEqual([[0, FIRST_RANGE_BYTES]]);
  await source.next();
  expect(asked).toHaveLength(3);
  await source.return(undefined);
  expect(asked).toHaveLength(3);
});

test('a range that cannot be read ends it with its error', async () => {
  const source = rangesOf(
    (start) =>
      start === 0
        ? Promise.resolve(FILE.subarray(0, FIRST_RANGE_BYTES))
        : Promise.reject(new Error('connection reset')),
    FILE.length,
  );
  await expect(collect(source)).rejects.toThrow('connection reset');
});

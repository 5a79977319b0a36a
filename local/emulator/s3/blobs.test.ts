import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Blobs, openBlobs, type Segment } from './blobs.ts';

let directory: string;
let blobs: Blobs;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fedcardio-blobs-'));
  blobs = await openBlobs(directory);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function* once(bytes: Uint8Array) {
  yield bytes;
}
const files = () => readdirSync(directory).flatMap((folder) => readdirSync(join(directory, folder)));
/** Copies each chunk before the next is asked for, as an answer does. */
async function taken(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

describe('lent bytes', () => {
  const SIZES = [300_000, 1, 0, 600_001, 70_000];
  const whole = Buffer.from(Uint8Array.from({ length: SIZES.reduce((a, b) => a + b, 0) }, (_, i) => (i * 7919) >> 5));
  async function stored(): Promise<readonly Segment[]> {
    const segments: Segment[] = [];
    let at = 0;
    for (const size of SIZES) {
      segments.push(await blobs.write(once(whole.subarray(at, at + size))));
      at += size;
    }
    return segments;
  }

  test('are those of any range, for many readers at the same time', async () => {
    const segments = await stored();
    const range = fc
      .tuple(fc.nat(whole.length), fc.nat(whole.length))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 24 }), async (ranges) => {
        const found = await Promise.all(ranges.map(([start, end]) => taken(blobs.lend(segments, start, end))));
        for (const [i, [start, end]] of ranges.entries())
          expect(found[i]!.equals(whole.subarray(start, end))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('keep their file until the reader has ended, also if he stops in the middle', async () => {
    const segments = await stored();
    const reading = blobs.lend(segments, 0, whole.length)[Symbol.asyncIterator]();
    await reading.next();

    await blobs.remove(segments);
    expect(files().length).toBeGreaterThan(0);
    await reading.return?.();

    await expect.poll(files).toEqual([]);
  });

  test('end with an error if the file is shorter than it was, and give its memory back', async () => {
    const [segment] = await stored();
    const longer = { file: segment!.file, bytes: segment!.bytes + 10 };

    await expect(taken(blobs.lend([longer], 0, longer.bytes))).rejects.toThrow('instead of');

    expect(existsSync(directory)).toBe(true);
    expect((await taken(blobs.lend([segment!], 0, 10))).equals(whole.subarray(0, 10))).toBe(true);
  });
});

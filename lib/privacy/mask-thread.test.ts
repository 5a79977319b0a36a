import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMaskThread } from './mask-thread.ts';
import { createRingMasks, type MaskTerm } from './ring-masks.ts';

const TERMS: readonly MaskTerm[] = [
  { seed: new Uint8Array(32).fill(1), sign: 1 },
  { seed: new Uint8Array(32).fill(2), sign: -1 },
  { seed: new Uint8Array(32).fill(3), sign: 1 },
];

test('a thread adds the same masks, in slices of any length', async () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 200_000, max: 600_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(length, { maxLength: 4 }), async (lengths) => {
      const mask = createRingMasks(TERMS);
      const thread = createMaskThread(TERMS);
      try {
        for (const count of lengths) {
          const values = Int32Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b1));
          const expected = values.slice();
          mask(expected);

          await thread.add(values);

          expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(expected.buffer))).toBe(0);
        }
      } finally {
        await thread.close();
      }
    }),
    { numRuns: 12 },
  );
});

test('what fails in the thread is an error of whoever waits for it', async () => {
  const thread = createMaskThread([{ seed: new Uint8Array(3), sign: 1 }]);

  await expect(thread.add(new Int32Array(10))).rejects.toThrow('Invalid key length');
  await expect(thread.add(new Int32Array(10))).rejects.toThrow('Invalid key length');
  await thread.close();
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom, shuffled } from '../random.ts';
import { joinShares, type Share, splitSecret } from './secret-shares.ts';
import { binned, chiSquareDeviate, seededBytes } from './testing.ts';

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);

describe('shares of a secret', () => {
  test('give it from any as many as the threshold, or more', () => {
    const sizes = fc
      .integer({ min: 1, max: 40 })
      .chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count })));
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 33 }),
        sizes,
        fc.integer(),
        (secret, [count, threshold], seed) => {
          const shares = splitSecret(secret, threshold, count, seededBytes(String(seed)));
          const chosen = shuffled(seededRandom(seed), shares);

          expect(joinShares(chosen.slice(0, threshold))).toEqual(secret);
          expect(joinShares(chosen)).toEqual(secret);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('work for the most shares that are possible', () => {
    const shares = splitSecret(SECRET, 128, 255, seededBytes('most'));

    expect(joinShares(shares.slice(127))).toEqual(SECRET);
  });

  test('give another secret with one wrong, one short, or a share of another secret', () => {
    const [first, second, third] = splitSecret(SECRET, 3, 5, seededBytes('a')) as [never, never, never];
    const other = splitSecret(SECRET, 3, 5, seededBytes('b'))[2] as { at: number; value: Uint8Array };

    expect(joinShares([first, second, other])).not.toEqual(SECRET);
    expect(joinShares([first, second])).not.toEqual(SECRET);
    expect(joinShares([first, second, third])).toEqual(SECRET);
  });

  test('below the threshold are distributed as for any other secret', () => {
    const bytes = seededBytes('uniform');
    const LENGTH = 25_600;
    for (const fill of [0, 255]) {
      // Two of three: their sum would show a secret that is not hidden.
      const [a, b] = splitSecret(new Uint8Array(LENGTH).fill(fill), 3, 5, bytes) as [Share, Share];
      const sum = a.value.map((value, i) => value ^ (b.value[i] as number));

      for (const values of [a.value, b.value, sum]) {
        const deviate = chiSquareDeviate(
          binned(values, 256, (x) => x),
          new Array(256).fill(LENGTH / 256),
        );
        expect(Math.abs(deviate)).toBeLessThan(5);
      }
    }
    // The same statistic shows a secret that two shares suffice for.
    const [a, b] = splitSecret(new Uint8Array(LENGTH), 2, 5, bytes);
    const secret = joinShares([a, b] as never);
    expect(
      chiSquareDeviate(
        binned(secret, 256, (x) => x),
        new Array(256).fill(LENGTH / 256),
      ),
    ).toBeGreaterThan(100);
  });

  test.each([
    [0, 3],
    [4, 3],
    [2, 256],
  ])('are refused with threshold %d of %d', (threshold, count) => {
    expect(() => splitSecret(SECRET, threshold, count, seededBytes('x'))).toThrow(/threshold/);
  });

  test.each([
    ['the same point', [1, 1]],
    ['a point outside', [0, 1]],
    ['a point outside', [1, 256]],
  ])('are refused with %s', (_, points) => {
    expect(() => joinShares(points.map((at) => ({ at, value: SECRET })))).toThrow(/shares/);
  });

  test('are refused with different lengths', () => {
    expect(() =>
      joinShares([
        { at: 1, value: SECRET },
        { at: 2, value: SECRET.subarray(1) },
      ]),
    ).toThrow(/shares/);
    expect(() => joinShares([])).toThrow(/shares/);
  });
});

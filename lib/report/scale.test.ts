import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearScale, roundDomain, ticks } from './scale.ts';

describe('linearScale', () => {
  test('maps ends to ends, also in descending ranges', () => {
    const y = linearScale([0, 2], [100, 0]);
    expect([y(0), y(1), y(2)]).toEqual([100, 50, 0]);
  });

  test('maps an empty domain to the start instead of to NaN', () => {
    expect(linearScale([1, 1], [10, 20])(1)).toBe(10);
  });
});

describe('ticks', () => {
  test('are round', () => {
    expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([0, 437], 6)).toEqual([0, 100, 200, 300, 400]);
    expect(ticks([-0.02, 0.04], 2)).toEqual([-0.02, 0, 0.02, 0.04]);
  });

  test('lie in a domain that covers the values, and ascend, for values of any sign', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        value,
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        fc.integer({ min: 2, max: 8 }),
        (low, span, count) => {
          const domain = roundDomain(low, low + span, count);
          const values = ticks(domain, count);
          const slack = 1e-6 * span;
          expect(domain[0]).toBeLessThanOrEqual(low + slack);
          expect(domain[1]).toBeGreaterThanOrEqual(low + span - slack);
          expect(values[0]).toBeGreaterThanOrEqual(domain[0] - slack);
          expect(values.at(-1)).toBeLessThanOrEqual(domain[1] + slack);
          expect(values.length).toBeGreaterThanOrEqual(2);
          expect(values.length).toBeLessThanOrEqual(count + 3);
          expect(values.every((tick, index) => index === 0 || tick > (values[index - 1] as number))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('of a single value span a domain', () => {
    expect(roundDomain(-0.5, -0.5, 4)).toEqual([-0.5, 0]);
  });
});

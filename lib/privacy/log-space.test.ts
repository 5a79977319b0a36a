import { describe, expect, test } from 'vitest';
import { logAdd, logErfc, logNormalCdf, logSubtract } from './log-space.ts';

const NEVER = Number.NEGATIVE_INFINITY;

describe('logarithms of erfc', () => {
  // mpmath 1.4.1, log(erfc(x)) with 40 digits.
  test.each([
    [-6, Math.LN2],
    [-1.6, 0.6812508911460097],
    [-1.5, 0.6760545027339605],
    [-0.3, 0.28414589714140825],
    [0, 0],
    [0.7, -1.1325865135143411],
    [1.4999, -3.3841412183977524],
    [1.5, -3.3844920895515527],
    [1.6, -3.7443238088601265],
    [3, -10.720363041981113],
    [10, -102.87988902484489],
    [30, -903.9741171106439],
    [200, -40005.870694809084],
  ])('are exact at %f, where the series ends, and where erfc itself underflows', (x, expected) => {
    expect(Math.abs(logErfc(x) - expected)).toBeLessThanOrEqual(2e-14 * Math.max(1, Math.abs(expected)));
  });

  test('give the normal distribution function, whose two tails add up to 1', () => {
    expect(logNormalCdf(0)).toBeCloseTo(-Math.LN2, 15);
    expect(logNormalCdf(-2)).toBeCloseTo(-3.783184333682032, 13);
    expect(logNormalCdf(1)).toBeCloseTo(-0.17275377902344988, 14);
    for (const x of [0.5, 2, 5]) expect(logAdd(logNormalCdf(x), logNormalCdf(-x))).toBeCloseTo(0, 14);
  });
});

test('sums and differences of what underflows are those of their logarithms', () => {
  expect(logAdd(-1000, -1001)).toBeCloseTo(-1000 + Math.log1p(Math.exp(-1)), 12);
  expect(logAdd(-1001, -1000)).toBe(logAdd(-1000, -1001));
  expect(logAdd(3, 3)).toBeCloseTo(3 + Math.LN2, 15);
  expect(logSubtract(-1000, -1001)).toBeCloseTo(-1000 + Math.log1p(-Math.exp(-1)), 12);
  expect(logAdd(NEVER, -7)).toBe(-7);
  expect(logAdd(NEVER, NEVER)).toBe(NEVER);
  expect(logSubtract(-7, NEVER)).toBe(-7);
});

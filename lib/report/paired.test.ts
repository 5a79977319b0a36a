import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { bootstrap } from './bootstrap.ts';
import { comparePaired, type PairedCase } from './paired.ts';

/** By numpy and scipy.stats.bootstrap, paired: scripts/fixtures/geometry.py. */
interface Fixture {
  readonly first: readonly (number | null)[];
  readonly second: readonly (number | null)[];
  readonly draws: readonly (readonly number[])[];
  readonly median: Expected;
  readonly share: Expected;
}
interface Expected {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly ofDraws: readonly number[];
}
const { paired } = JSON.parse(readFileSync('test/fixtures/imaging/geometry.json', 'utf8')) as { paired: Fixture };
const casesAt = (draw: readonly number[]): readonly PairedCase[] =>
  draw.map((i) => ({ first: [paired.first[i] ?? null], second: [paired.second[i] ?? null] }));
const all = casesAt(paired.first.map((_, i) => i));
const random = () => seededRandom('paired');

describe('as scipy compares', () => {
  test('the differences, of all cases and of drawn ones', () => {
    paired.draws.forEach((draw, i) => {
      const { median, within6mm } = comparePaired(casesAt(draw), random());
      expect(median.value).toBeCloseTo(paired.median.ofDraws[i] as number, 9);
      expect(within6mm.value).toBeCloseTo(paired.share.ofDraws[i] as number, 9);
    });
    expect(comparePaired(all, random())).toMatchObject({ cases: 60, n: 60 });
  });

  test('the intervals, to what 2,000 draws are uncertain by', () => {
    const { median, within6mm } = comparePaired(all, random());
    for (const [found, expected] of [
      [median, paired.median],
      [within6mm, paired.share],
    ] as const) {
      const tolerance = 0.1 * (expected.high - expected.low);
      expect(Math.abs((found.low as number) - expected.low)).toBeLessThan(tolerance);
      expect(Math.abs((found.high as number) - expected.high)).toBeLessThan(tolerance);
    }
  });
});

const error = fc.option(fc.double({ min: 0, max: 30, noNaN: true }), { nil: null });
const someCases = fc.array(
  fc
    .array(fc.tuple(error, error), { minLength: 1, maxLength: 5 })
    .map((points) => ({ first: points.map(([a]) => a), second: points.map(([, b]) => b) })),
  { minLength: 1, maxLength: 8 },
);
const swapped = (cases: readonly PairedCase[]) => cases.map(({ first, second }) => ({ first: second, second: first }));

test('the same model does not differ from itself, however much its cases do', () => {
  fc.assert(
    fc.property(someCases, (cases) => {
      const same = cases.map(({ first }) => ({ first, second: first }));
      const { median, within6mm } = comparePaired(same, random());
      expect(within6mm).toEqual({ value: 0, low: 0, high: 0 });
      expect([median.value, median.low, median.high].every((value) => value === 0 || value === null)).toBe(true);
    }),
    { numRuns: 15 },
  );
});

test('swapping the models turns the sign and the interval around', () => {
  fc.assert(
    fc.property(someCases, (cases) => {
      const [there, back] = [comparePaired(cases, random()), comparePaired(swapped(cases), random())];
      for (const of of ['median', 'within6mm'] as const) {
        const [a, b] = [there[of], back[of]];
        for (const [one, other] of [
          [a.value, b.value],
          [a.low, b.high],
          [a.high, b.low],
        ] as const) {
          if (one === null || other === null) expect(one).toBe(other);
          else expect(one).toBeCloseTo(-other, 9);
        }
      }
    }),
    { numRuns: 15 },
  );
});

test('an interval is in order, within what shares can differ by, and the same for the same seed', () => {
  fc.assert(
    fc.property(someCases, (cases) => {
      const { within6mm } = comparePaired(cases, random());
      expect(comparePaired(cases, random()).within6mm).toEqual(within6mm);
      expect(within6mm.low as number).toBeLessThanOrEqual(within6mm.high as number);
      expect(within6mm.low as number).toBeGreaterThanOrEqual(-1);
      expect(within6mm.high as number).toBeLessThanOrEqual(1);
    }),
    { numRuns: 15 },
  );
});

test('points of one case are drawn together: a case copied into its points does not narrow the interval', () => {
  const cases = [1, 2, 3, 9, 4, 8].map((mm, i) => ({ first: [mm], second: [mm + (i % 3) - 4] }));
  const tenfold = cases.map(({ first, second }) => ({
    first: new Array(10).fill(first[0]),
    second: new Array(10).fill(second[0]),
  }));
  expect(comparePaired(tenfold, random()).within6mm).toEqual(comparePaired(cases, random()).within6mm);
});

test('what cannot be compared is null or refused', () => {
  const missing = [{ first: [null], second: [3] }];
  expect(comparePaired(missing, random())).toMatchObject({
    median: { value: null, low: null, high: null },
    within6mm: { value: -1 },
  });
  expect(comparePaired([], random()).within6mm).toEqual({ value: null, low: null, high: null });
  expect(() => comparePaired([{ first: [1, 2], second: [1] }], random())).toThrow(/not scored on the same points/);
});

test('draws without a value are left out of an interval', () => {
  const { value, low, high } = bootstrap([0, 1], (s) => (s.includes(1) ? s.length : null), random());
  expect([value, low, high]).toEqual([2, 2, 2]);
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { bootstrap } from './bootstrap.ts';
import { comparePaired } from './paired.ts';

/** From numpy and scipy.stats.bootstrap: scripts/fixtures/geometry.py. */
interface Fixture {
  readonly differences: readonly number[];
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
const { paired } = JSON.parse(readFileSync('test/fixtures/imaging/geometry.json', 'utf8')) as { paired: Fixture };
const random = () => seededRandom('paired');

test('agrees with scipy: the mean, and the interval within the uncertainty of 2,000 draws', () => {
  const { mean } = comparePaired(paired.differences, random());
  const tolerance = 0.1 * (paired.high - paired.low);
  expect(mean.value).toBeCloseTo(paired.value, 9);
  expect(Math.abs((mean.low as number) - paired.low)).toBeLessThan(tolerance);
  expect(Math.abs((mean.high as number) - paired.high)).toBeLessThan(tolerance);
});

const some = fc.array(fc.option(fc.double({ min: -30, max: 30, noNaN: true }), { nil: null }), { maxLength: 20 });

test('swapping the models negates the mean and the interval, and the interval is ordered', () => {
  fc.assert(
    fc.property(some, (differences) => {
      const there = comparePaired(differences, random());
      const back = comparePaired(
        differences.map((value) => value && -value),
        random(),
      );
      expect([there.higher, there.equal, there.lower]).toEqual([back.lower, back.equal, back.higher]);
      if (there.mean.value === null) {
        expect(back.mean.value).toBeNull();
        return;
      }
      expect(there.mean.value).toBeCloseTo(-(back.mean.value as number), 9);
      expect(there.mean.low).toBeCloseTo(-(back.mean.high as number), 9);
      expect(there.mean.low as number).toBeLessThanOrEqual(there.mean.high as number);
    }),
    { numRuns: 20 },
  );
});

test('a case without a difference is left out, and no differences give no figure', () => {
  expect(comparePaired([null, 2, null], random())).toEqual({
    mean: { value: 2, low: 2, high: 2 },
    higher: 1,
    equal: 0,
    lower: 0,
  });
  expect(comparePaired([null], random()).mean).toEqual({ value: null, low: null, high: null });
});

test('draws without a value are left out of the interval', () => {
  const { value, low, high } = bootstrap([0, 1], (s) => (s.includes(1) ? s.length : null), random());
  expect([value, low, high]).toEqual([2, 2, 2]);
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { estimateOverSeeds, type SiteLists } from './bootstrap.ts';
import { mean } from './quantile.ts';
import { meanInterval, tQuantile } from './t-interval.ts';

/** From numpy and scipy.stats.bootstrap: scripts/fixtures/geometry.py. */
interface Fixture {
  readonly differences: readonly number[];
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
const { paired } = JSON.parse(readFileSync('test/fixtures/imaging/geometry.json', 'utf8')) as { paired: Fixture };
const random = () => seededRandom('bootstrap');
const meanOf = ([list = []]: SiteLists) => mean(list.filter((value) => value !== null));
const width = ({ low, high }: { readonly low: number; readonly high: number }) => high - low;

test('is the ordinary bootstrap for one seed and one hospital: the interval of scipy within the error of 2,000 draws', () => {
  const { value, seeds, byT, byBootstrap } = estimateOverSeeds([[[paired.differences]]], meanOf, random());

  const tolerance = 0.1 * (paired.high - paired.low);
  expect(value).toBeCloseTo(paired.value, 9);
  expect(Math.abs((byBootstrap?.low ?? 0) - paired.low)).toBeLessThan(tolerance);
  expect(Math.abs((byBootstrap?.high ?? 0) - paired.high)).toBeLessThan(tolerance);
  expect([seeds, byT]).toEqual([1, null]);
});

describe('the number of seeds is the sample size', () => {
  /** Seeds whose models differ by their own amount, with many hospitals and cases that all agree. */
  const agreeing = (cases: number) =>
    [0.1, 0.3, -0.1].map((figure) =>
      Array.from({ length: 8 }, (): SiteLists => [Array.from({ length: cases }, () => figure)]),
    );

  test('so that more cases of the same seeds do not narrow an interval', () => {
    const [few, many] = [2, 200].map((cases) => estimateOverSeeds(agreeing(cases), meanOf, random()));

    expect(few?.seeds).toBe(3);
    expect(many?.byT).toEqual({
      low: expect.closeTo(few?.byT?.low ?? 0, 9),
      high: expect.closeTo(few?.byT?.high ?? 0, 9),
    });
    expect(width(many?.byBootstrap ?? { low: 0, high: 0 })).toBeCloseTo(
      width(few?.byBootstrap ?? { low: 0, high: 0 }),
      1,
    );
    // Hospitals and cases pooled, as before, would give ±0.07.
    expect(many?.byT?.low).toBeLessThan(0);
  });

  test('and a seed without the figure is not counted', () => {
    const { value, seeds } = estimateOverSeeds([[[[1, 3]]], [[[]]], [[[null]]]], meanOf, random());

    expect([value, seeds]).toEqual([2, 1]);
  });
});

test('draws hospitals and cases too: seeds that agree on average still differ by what they were measured on', () => {
  const seeds = [1, 2, 3, 4].map(() => [[[0, 1]], [[0, 1]]] satisfies SiteLists[]);

  const { value, byT, byBootstrap } = estimateOverSeeds(seeds, meanOf, random());

  expect(value).toBe(0.5);
  expect(byT).toEqual({ low: 0.5, high: 0.5 });
  expect(byBootstrap?.low).toBeLessThan(0.4);
  expect(byBootstrap?.high).toBeGreaterThan(0.6);
});

test('no hospital is drawn that has no values, and lists keep their places', () => {
  const seeds = [[[[1, 1], [4]] satisfies SiteLists, [[], []] satisfies SiteLists]];

  const { byBootstrap } = estimateOverSeeds(
    seeds,
    ([a = [], b = []]) => (a.length === 2 ? (b[0] ?? null) : -1),
    random(),
  );

  expect(byBootstrap).toEqual({ low: 4, high: 4 });
});

test('there is no estimate without values', () => {
  expect(estimateOverSeeds([], meanOf, random())).toEqual({ value: null, seeds: 0, byT: null, byBootstrap: null });
  expect(estimateOverSeeds([[[[null]]]], meanOf, random()).value).toBeNull();
});

describe("Student's t", () => {
  test.each([
    [1, 12.706205],
    [7, 2.364624],
    [11, 2.200985],
    [15, 2.13145],
    [30, 2.042272],
    [1000, 1.962339],
  ])('has the quantile of scipy for %i degrees of freedom', (degrees, expected) => {
    expect(Math.abs(tQuantile(degrees) - expected)).toBeLessThan(3e-4);
  });

  test('gives the interval of a mean', () => {
    const { low, high } = meanInterval([1, 2, 3]) ?? { low: 0, high: 0 };

    expect([low, high]).toEqual([
      expect.closeTo(2 - 4.302653 / Math.sqrt(3), 5),
      expect.closeTo(2 + 4.302653 / Math.sqrt(3), 5),
    ]);
    expect(meanInterval([1])).toBeNull();
  });
});

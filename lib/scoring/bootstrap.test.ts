import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normal, seededRandom } from '../random.ts';
import { bootstrap } from './bootstrap.ts';
import { mean } from './quantile.ts';

describe('a bootstrap interval', () => {
  test('of a mean is ± 1.96 standard errors, as for the normal distribution', () => {
    const random = seededRandom('bootstrap');
    const values = Array.from({ length: 400 }, () => 3 + 2 * normal(random));
    const { value, low, high } = bootstrap(values, mean, random);
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - value!) ** 2, 0) / 399);
    const halfWidth = (1.96 * deviation) / Math.sqrt(400);
    expect(value).toBeCloseTo(mean(values)!, 12);
    expect((value! - low!) / halfWidth).toBeCloseTo(1, 0);
    expect((high! - value!) / halfWidth).toBeCloseTo(1, 0);
    expect(Math.abs((high! - low!) / (2 * halfWidth) - 1)).toBeLessThan(0.1);
  });

  test('is wider if values agree within clusters, which are drawn together', () => {
    const random = seededRandom('clusters');
    const clusters = Array.from({ length: 12 }, () =>
      Array.from(
        { length: 20 },
        (
          (x) => () =>
            x
        )(normal(random)),
      ),
    );
    const width = ({ low, high }: ReturnType<typeof bootstrap>) => high! - low!;
    const together = bootstrap(clusters, (sample) => mean(sample.flat()), random);
    const apart = bootstrap(clusters.flat(), mean, random);
    expect(width(together)).toBeGreaterThan(3 * width(apart));
  });

  test('is the same for the same seed, contains its value, and is null for an undefined figure', () => {
    const values = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(values, fc.integer(), (sample, seed) => {
        const of = () => bootstrap(sample, mean, seededRandom(seed));
        const estimate = of();
        expect(of()).toEqual(estimate);
        if (sample.length === 0) expect(estimate).toEqual({ value: null, low: null, high: null });
        else {
          expect(estimate.low!).toBeGreaterThanOrEqual(Math.min(...sample) - 1e-9);
          expect(estimate.high!).toBeLessThanOrEqual(Math.max(...sample) + 1e-9);
        }
      }),
      { numRuns: 10 },
    );
  });
});

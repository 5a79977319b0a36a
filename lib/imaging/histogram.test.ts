import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHistogram, otsuThreshold } from './histogram.ts';

test('counts and quantiles are those of the sorted values, in whatever pieces they come', () => {
  const values = fc.array(fc.integer({ min: -1200, max: 3099 }), { minLength: 1, maxLength: 60 });
  const bound = fc.integer({ min: -1200, max: 3100 });
  fc.assert(
    fc.property(values, bound, bound, fc.double({ min: 0, max: 0.99, noNaN: true }), (hu, a, b, share) => {
      const [from, to] = a < b ? [a, b] : [b, a];
      const histogram = createHistogram();
      for (const value of hu) histogram.add(Int16Array.of((value - 24) / 2 + 612), { slope: 2, intercept: -1200 });
      // Odd values are rounded down by the stored type.
      const sorted = hu.map((value) => 2 * Math.trunc((value - 24) / 2 + 612) - 1200).sort((x, y) => x - y);

      expect(histogram.min).toBe(sorted[0]);
      expect(histogram.max).toBe(sorted.at(-1));
      expect(histogram.between(from, to)).toBe(sorted.filter((value) => value >= from && value < to).length);
      const above = sorted.filter((value) => value >= from);
      if (above.length > 0) expect(histogram.quantile(share, from)).toBe(above[Math.floor(share * above.length)]);
    }),
  );
});

test('padding, overflow and values that are no numbers are told apart', () => {
  const histogram = createHistogram();
  histogram.add(Float32Array.of(-3024, -1300, -1200, 40.4, 9000, Number.NaN, Number.NEGATIVE_INFINITY), {
    slope: 1,
    intercept: 0,
  });
  expect(histogram).toMatchObject({ min: -3024, max: 9000, nonFinite: 2, inside: 3 });
  expect(histogram.between(40, 41)).toBe(1);
  expect(histogram.quantile(0.99)).toBe(3100);
});

test("Otsu's threshold lies between two classes", () => {
  const histogram = createHistogram();
  const values = Int16Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? -1000 + (i % 40) : 50 + (i % 60)));
  histogram.add(values, { slope: 1, intercept: 0 });
  const threshold = otsuThreshold(histogram, -1200, 1300);
  expect(threshold).toBeGreaterThan(-961);
  expect(threshold).toBeLessThanOrEqual(50);
});

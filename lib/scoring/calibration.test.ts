import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CALIBRATION_BINS, calibrationCounter, calibrationError, pooledCalibration } from './calibration.ts';

const observations = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { maxLength: 50 });
const binsOf = (of: readonly (readonly [number, boolean])[]) => {
  const counter = calibrationCounter();
  for (const [confidence, correct] of of) counter.add(confidence, correct);
  return counter.bins;
};

test('counts a bound into the bin above it, and certainty into the last bin', () => {
  const bins = binsOf([
    [0, false],
    [0.1, true],
    [1, true],
  ]);

  expect(bins).toHaveLength(CALIBRATION_BINS);
  expect(bins[0]).toEqual({ count: 1, confidence: 0, correct: 0 });
  expect(bins[1]).toEqual({ count: 1, confidence: 0.1, correct: 1 });
  expect(bins[9]).toEqual({ count: 1, confidence: 1, correct: 1 });
});

test('pooled bins are those of all observations together, each counted once', () => {
  fc.assert(
    fc.property(observations, observations, (a, b) => {
      const pooled = pooledCalibration([binsOf(a), binsOf(b)]);

      expect(pooled.reduce((sum, { count }) => sum + count, 0)).toBe(a.length + b.length);
      binsOf([...a, ...b]).forEach((bin, i) => {
        expect(pooled[i]).toEqual({ ...bin, confidence: expect.closeTo(bin.confidence, 9) });
      });
    }),
  );
});

test('the error is the weighted difference of confidence and share of correct predictions', () => {
  expect(
    calibrationError(
      binsOf([
        [0.95, true],
        [0.95, false],
        [0.55, true],
        [0.55, false],
      ]),
    ),
  ).toBeCloseTo((2 * 0.45 + 2 * 0.05) / 4, 12);
  expect(calibrationError(binsOf([[1, true]]))).toBe(0);
  expect(calibrationError(binsOf([]))).toBeNull();
});

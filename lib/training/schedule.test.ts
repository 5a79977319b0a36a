import fc from 'fast-check';
import { expect, test } from 'vitest';
import { trainingSchema } from '../federation/schemas.ts';
import { learningRateAt } from './schedule.ts';

const training = trainingSchema.parse({ steps: 50, learningRate: 2e-3, warmup: 10 });

test('the learning rate warms up linearly to its peak, then falls by a cosine to a twentieth', () => {
  const rates = Array.from({ length: 10 }, (_, step) => learningRateAt(training, step, 200));
  rates.forEach((rate, step) => {
    expect(rate).toBeCloseTo((2e-3 * (step + 1)) / 11, 12);
  });
  expect(learningRateAt(training, 10, 200)).toBeCloseTo(2e-3, 12);
  expect(learningRateAt(training, 105, 200)).toBeCloseTo((2e-3 + 1e-4) / 2, 12);
  expect(learningRateAt(training, 200, 200)).toBeCloseTo(1e-4, 12);
});

test('the learning rate stays between 0 and its peak and never rises after the warm-up', () => {
  const whole = fc.integer({ min: 0, max: 300 });
  fc.assert(
    fc.property(whole, fc.integer({ min: 1, max: 300 }), whole, (warmup, total, step) => {
      const config = { ...training, warmup };
      const rate = learningRateAt(config, step, total);
      expect(rate).toBeGreaterThan(0);
      expect(rate).toBeLessThanOrEqual(2e-3);
      if (step >= warmup) expect(learningRateAt(config, step + 1, total)).toBeLessThanOrEqual(rate);
    }),
  );
});

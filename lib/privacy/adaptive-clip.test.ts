import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normal, seededRandom } from '../random.ts';
import { epsilonOf } from './accountant.ts';
import { clipVote, nextClip, updateNoise } from './adaptive-clip.ts';

const TERMS = { quantile: 0.5, learningRate: 0.2 };

describe('the clip', () => {
  test.each([0.01, 1, 300])('reaches the wanted quantile of the norms from %d', (start) => {
    const random = seededRandom('norms');
    const sites = 25;
    let clip = start;
    const seen = [];
    for (let round = 0; round < 200; round++) {
      const norms = Array.from({ length: sites }, () => Math.exp(normal(random)));
      const votes = norms.reduce((sum, norm) => sum + clipVote(norm, clip), 0) + (sites / 20) * normal(random);
      clip = nextClip(clip, votes, sites, TERMS);
      if (round >= 100) seen.push(clip);
    }

    // The median of exp(N(0, 1)) is 1.
    const middle = seen.reduce((sum, value) => sum + Math.log(value), 0) / seen.length;
    expect(Math.abs(middle)).toBeLessThan(0.15);
  });

  test('stays where the noisy share is the quantile, and moves by e^η at most for a true share', () => {
    expect(nextClip(3, 0, 10, TERMS)).toBe(3);
    expect(nextClip(1, -5, 10, TERMS)).toBeCloseTo(Math.exp(0.1), 12);
    expect(clipVote(1, 1) + clipVote(1.01, 1)).toBe(0);
  });
});

describe('the budget', () => {
  test('of updates and count together is the budget of one release', () => {
    const noises = fc.double({ min: 0.5, max: 20, noNaN: true });
    fc.assert(
      fc.property(noises, fc.double({ min: 0.6, max: 50, noNaN: true }), (noise, ratio) => {
        const countSigma = noise * ratio;
        // The count's sensitivity is ½.
        const both = [updateNoise(noise, countSigma), countSigma / 0.5].map((one) => ({
          noise: one,
          rate: 1,
          count: 1,
        }));

        const together = epsilonOf(both, 1e-5);

        expect(together / epsilonOf([{ noise, rate: 1, count: 1 }], 1e-5)).toBeCloseTo(1, 6);
      }),
      { numRuns: 20 },
    );
  });

  test('costs little with the noise of the paper', () => {
    // 25 sites, σ_b = 25/20: z = 1 becomes 1.09.
    expect(updateNoise(1, 1.25)).toBeCloseTo(1.0911, 4);
  });

  test('refuses a count that alone costs more', () => {
    expect(() => updateNoise(1, 0.5)).toThrow(/costs more/);
  });
});

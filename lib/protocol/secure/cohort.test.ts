import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CohortDocument } from '../../federation/schemas.ts';
import { noisyFixedPoint } from '../../privacy/distributed-noise.ts';
import { encodeFixed, stepOf } from '../../privacy/fixed-point.ts';
import { MAX_NOISE_MULTIPLIER } from '../../privacy/round-noise.ts';
import { normal, seededRandom } from '../../random.ts';
import { MOST_CASES, requireFineStep } from './cohort.ts';
import { thresholdOf } from './terms.ts';

/** The cohort of sites that count so many cases. */
const counting = (samples: readonly number[], range = 1) => {
  const members = samples.map((count, i) => ({ site: `site-${i}`, samples: count }));
  const totalWeight = samples.reduce((sum, count) => sum + count, 0);
  const terms = { range, totalWeight, sites: samples.length, headroom: 0 };
  return { members, terms } as unknown as Pick<CohortDocument, 'members' | 'terms'>;
};
const counts = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 8, maxLength: 64 });

describe('a cohort of hospitals', () => {
  test('has steps that are fine enough for each of them', () => {
    fc.assert(
      fc.property(counts, (samples) => {
        const cohort = counting(samples);
        requireFineStep(cohort);

        for (const count of samples)
          expect((count * cohort.terms.range) / stepOf(cohort.terms)).toBeGreaterThan(
            (count * 2 ** 14) / samples.length,
          );
      }),
    );
  });

  test('has fine steps with any noise', () => {
    const noises = fc.double({ min: 0.01, max: MAX_NOISE_MULTIPLIER, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 64 }), noises, (sites, noiseMultiplier) => {
        const terms = noisyFixedPoint({ clip: 1, noiseMultiplier }, { sites, threshold: thresholdOf({}, sites) });

        expect(1 / stepOf(terms)).toBeGreaterThan(2 ** 12);
      }),
    );
  });
});

/** Rounding noise in the weighted values of a site, as a share of the values, which are 5e-4 as they are in updates. */
const lossOf = (weight: number, { terms }: Pick<CohortDocument, 'terms'>) => {
  const random = seededRandom('values');
  const values = Float32Array.from({ length: 2000 }, () => 5e-4 * normal(random));
  const steps = new Int32Array(values.length);
  encodeFixed(values, weight, terms, steps);
  const factor = stepOf(terms) / weight;
  const lost = values.map((value, i) => value - (steps[i] as number) * factor);
  return Math.hypot(...lost) / Math.hypot(...values);
};

describe('a coordinator that wants the sum to be one update', () => {
  const half = (claim: number) => [claim, ...Array.from({ length: 9 }, () => 200)];

  test('would get it with a claim that sites refuse', () => {
    expect(lossOf(200, counting(half(1e9)))).toBeGreaterThan(0.9);
    expect(() => requireFineStep(counting(half(1e9)))).toThrow(
      'it counts 1000000000 cases of site-0, more than 131072',
    );
  });

  test.each<[string, readonly number[], number]>([
    ['that one site claims the most', half(MOST_CASES), 1],
    ['that a third of the sites claims the most', [MOST_CASES, MOST_CASES, MOST_CASES, ...half(MOST_CASES)], 1],
    ['the largest range', half(400), 64],
    ['that sites have a case each, and one the most', [MOST_CASES, ...Array.from({ length: 9 }, () => 1)], 1],
  ])('gets none with what sites accept: %s', (_, claims, range) => {
    const cohort = counting(claims, range);

    expect(() => requireFineStep(cohort)).not.toThrow();
    expect(lossOf(claims.at(-1) as number, cohort)).toBeLessThan(0.1);
  });
});

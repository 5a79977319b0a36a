import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  composed,
  deltaOfCurve,
  epsilonOf,
  epsilonOfCurve,
  type GaussianRelease,
  noiseFor,
  ORDERS,
  renyiCurve,
} from './accountant.ts';
import { sampledGaussianRdp } from './sampled-gaussian.ts';

/** By scripts/fixtures/privacy.py. */
const fixture = JSON.parse(
  readFileSync(new URL('../../test/fixtures/privacy/accountant.json', import.meta.url), 'utf8'),
) as {
  readonly orders: readonly number[];
  readonly wholeOrders: readonly number[];
  readonly delta: number;
  readonly releases: readonly (GaussianRelease & {
    readonly orders: readonly number[];
    readonly opacus: readonly number[];
    readonly integral: readonly (number | null)[];
    readonly epsilon: number;
    readonly wholeEpsilon: number;
    readonly wholeDelta: number;
  })[];
  readonly together: number;
  readonly targets: readonly { epsilon: number; delta: number; count: number; rate: number; noise: number }[];
  readonly exact: readonly { noise: number; delta: number; epsilon: number }[];
};

const relative = (actual: number, expected: number) => Math.abs(actual - expected) / Math.abs(expected);

const release = fc.record({
  noise: fc.double({ min: 0.3, max: 50, noNaN: true }),
  rate: fc.oneof(fc.constant(1), fc.double({ min: 1e-4, max: 0.99, noNaN: true })),
  count: fc.integer({ min: 1, max: 500 }),
});
const delta = fc.constantFrom(1e-3, 1e-5, 1e-9);

describe('the Rényi divergence', () => {
  test.each(fixture.releases)('is that of opacus and of the integral: noise $noise, rate $rate', (expected) => {
    const actual = expected.orders.map((order) => sampledGaussianRdp(expected.noise, expected.rate, order));

    const unconverged = expected.orders.filter((_, at) => actual[at] === Number.POSITIVE_INFINITY);
    expect(unconverged.every((order) => order < 2)).toBe(true);
    for (const [at, value] of actual.entries()) {
      if (!Number.isFinite(value)) continue;
      // The moment is 1 + what matters: 10⁻¹² of it may be lost.
      const close = (other: number) =>
        Math.abs(value - other) < 1e-9 * other + 1e-12 / ((expected.orders[at] as number) - 1);
      const integral = expected.integral[at];
      if (typeof integral === 'number') expect(close(integral)).toBe(true);
      expect(close(expected.opacus[at] as number)).toBe(true);
    }
  });

  test('is that of the Gaussian mechanism where everybody takes part, and none where nobody does', () => {
    expect(sampledGaussianRdp(2, 1, 8)).toBe(1);
    expect(sampledGaussianRdp(2, 0, 8)).toBe(0);
  });

  test('grows with the order and the rate, and falls with the noise', () => {
    fc.assert(
      fc.property(release, fc.constantFrom(2, 3, 8, 32), ({ noise, rate }, order) => {
        const cost = sampledGaussianRdp(noise, rate, order);

        expect(sampledGaussianRdp(noise, rate, order + 1)).toBeGreaterThanOrEqual(cost * (1 - 1e-9));
        expect(sampledGaussianRdp(noise * 1.1, rate, order)).toBeLessThanOrEqual(cost * (1 + 1e-9));
        expect(sampledGaussianRdp(noise, 1, order)).toBeGreaterThanOrEqual(cost * (1 - 1e-9));
      }),
    );
  });
});

describe('ε and δ', () => {
  test('uses the orders of dp-accounting', () => {
    expect(ORDERS.length).toBe(fixture.orders.length);
    expect(ORDERS.every((order, at) => Math.abs(order - (fixture.orders[at] as number)) < 1e-12)).toBe(true);
  });

  test.each(fixture.releases)('are those of dp-accounting: noise $noise, rate $rate, $count times', (expected) => {
    const whole = renyiCurve([expected], fixture.wholeOrders);

    expect(relative(epsilonOfCurve(whole, fixture.delta), expected.wholeEpsilon)).toBeLessThan(1e-9);
    expect(relative(deltaOfCurve(whole, expected.wholeEpsilon), expected.wholeDelta)).toBeLessThan(1e-6);
    // With fractional orders ours is at most theirs, which adds the terms of a series without their signs.
    const epsilon = epsilonOfCurve(renyiCurve([expected]), fixture.delta);
    expect(epsilon).toBeLessThan(expected.epsilon * (1 + 1e-9));
    expect(epsilon).toBeGreaterThan(expected.epsilon * 0.98);
  });

  test('of different releases compose as in dp-accounting', () => {
    const releases = fixture.releases.slice(2, 6);

    const curve = composed(releases.map((one) => renyiCurve([one], fixture.wholeOrders)));

    expect(relative(epsilonOfCurve(curve, fixture.delta), fixture.together)).toBeLessThan(1e-9);
    expect(epsilonOf(releases, fixture.delta)).toBeLessThan(fixture.together);
  });

  test.each(fixture.exact)('of one release without sub-sampling are exact: noise $noise, δ $delta', (expected) => {
    const actual = epsilonOf([{ noise: expected.noise, rate: 1, count: 1 }], expected.delta);

    expect(Math.abs(actual - expected.epsilon)).toBeLessThan(1e-7 * Math.max(1, expected.epsilon));
  });

  test('are those that papers and manuals state', () => {
    // Abadi et al. 2016, section 3.2 with figure 2: q = 0.01, σ = 4, δ = 10⁻⁵, 10,000 steps: ε = 1.26 by moments up to 32 and
    // the conversion of that paper; the conversion of Canonne et al. is below it.
    const orders = Array.from({ length: 31 }, (_, i) => i + 2);
    const moments = renyiCurve([{ noise: 4, rate: 0.01, count: 10_000 }], orders);
    const ofThePaper = Math.min(...[...moments].map(([order, cost]) => cost + Math.log(1e5) / (order - 1)));
    expect(ofThePaper.toFixed(2)).toBe('1.26');
    expect(epsilonOfCurve(moments, 1e-5)).toBeLessThan(1.26);
    // Documentation of opacus (opacus.accountants.analysis.rdp): 0.336.
    const two = [
      { noise: 1, rate: 1e-5, count: 10 },
      { noise: 3, rate: 1e-4, count: 4 },
    ];
    expect(epsilonOfCurve(renyiCurve(two, orders), 1e-5).toFixed(3)).toBe('0.336');
  });

  test('invert each other', () => {
    fc.assert(
      fc.property(release, delta, (one, target) => {
        const curve = renyiCurve([one]);
        const epsilon = epsilonOfCurve(curve, target);

        expect(deltaOfCurve(curve, epsilon)).toBeLessThanOrEqual(target * (1 + 1e-6));
      }),
      { numRuns: 30 },
    );
  });

  test('of more releases are never less', () => {
    fc.assert(
      fc.property(release, release, delta, (one, other, target) => {
        expect(epsilonOf([one, other], target)).toBeGreaterThanOrEqual(epsilonOf([one], target) - 1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test('of sub-sampled releases are those of their curve: the exact value is for releases without sub-sampling alone', () => {
    const sampled = fixture.releases.filter(({ rate }) => rate > 0 && rate < 1);
    expect(sampled.length).toBeGreaterThan(3);
    for (const one of sampled) {
      for (const all of [[one], [one, { noise: 2, rate: 1, count: 3 }]]) {
        expect(epsilonOf(all, fixture.delta)).toBe(epsilonOfCurve(renyiCurve(all), fixture.delta));
      }
    }
  });

  test('are not changed by releases in which nobody takes part, nor by none', () => {
    const one = { noise: 2, rate: 1, count: 3 };
    const nobody = [
      { noise: 0.1, rate: 0, count: 100 },
      { noise: 0.1, rate: 1, count: 0 },
    ];
    expect(epsilonOf([one, ...nobody], 1e-5)).toBe(epsilonOf([one], 1e-5));
    expect(epsilonOf(nobody, 1e-5)).toBe(0);
    expect(composed([]).size).toBe(0);
  });

  test('are 0 where the total variation is within δ, and unknown below the least order', () => {
    // It is at most √(1 − e⁻ᶜ) for a cost c (Bretagnolle and Huber).
    const within = new Map([[2, -Math.log1p(-1e-6) * 0.999]]);
    const beyond = new Map([[2, -Math.log1p(-1e-6) * 1.001]]);
    expect(epsilonOfCurve(within, 1e-3)).toBe(0);
    expect(epsilonOfCurve(beyond, 1e-3)).toBeGreaterThan(0);
    expect(epsilonOfCurve(new Map([[1.01, 1]]), 1e-3)).toBe(Number.POSITIVE_INFINITY);
    expect(deltaOfCurve(new Map([[1.01, 1]]), 50)).toBeCloseTo(Math.sqrt(1 - Math.exp(-1)), 12);
  });

  test.each([
    [{ noise: 0, rate: 1, count: 1 }, 1e-5, 'noise must be more than 0 times the sensitivity, not 0'],
    [{ noise: Number.NaN, rate: 1, count: 1 }, 1e-5, 'noise must be more than 0 times the sensitivity, not NaN'],
    [{ noise: 1, rate: 1.1, count: 1 }, 1e-5, 'a sampling rate is between 0 and 1, not 1.1'],
    [{ noise: 1, rate: -0.1, count: 1 }, 1e-5, 'a sampling rate is between 0 and 1, not -0.1'],
    [{ noise: 1, rate: 1, count: 1.5 }, 1e-5, 'a number of releases is whole, not 1.5'],
    [{ noise: 1, rate: 1, count: -1 }, 1e-5, 'a number of releases is whole, not -1'],
    [{ noise: 1, rate: 1, count: 1 }, 0, 'δ is between 0 and 1, not 0'],
    [{ noise: 1, rate: 1, count: 1 }, 1, 'δ is between 0 and 1, not 1'],
  ])('refuse what is no release or no δ: %j, %d', (bad, target, reason) => {
    const message = `Privacy: ${reason}.`;
    expect(() => epsilonOf([bad], target)).toThrow(expect.objectContaining({ code: 'BAD_CONFIGURATION', message }));
  });
});

describe('noiseFor', () => {
  test.each(fixture.targets)('is no more than dp-accounting takes: ε $epsilon, rate $rate', (expected) => {
    const noise = noiseFor(expected);

    // Theirs uses whole orders. Without sub-sampling ours is exact.
    expect(noise).toBeLessThanOrEqual(expected.noise * (1 + 1e-6));
    expect(noise).toBeGreaterThan(expected.noise * 0.9);
  });

  test('keeps within the budget, and a little less noise does not', () => {
    const budget = fc.record({
      epsilon: fc.double({ min: 0.2, max: 20, noNaN: true }),
      delta,
      count: fc.integer({ min: 1, max: 300 }),
      rate: fc.constantFrom(1, 0.5, 0.01),
    });
    fc.assert(
      fc.property(budget, (target) => {
        const noise = noiseFor(target);
        const spent = (factor: number) => epsilonOf([{ ...target, noise: noise * factor }], target.delta);

        expect(spent(1)).toBeLessThanOrEqual(target.epsilon);
        expect(spent(1 - 1e-5)).toBeGreaterThan(target.epsilon);
      }),
      { numRuns: 4 },
    );
  });

  test.each([
    [{ epsilon: 0, delta: 1e-5, count: 1, rate: 1 }, 'a budget ε must be more than 0, not 0'],
    [{ epsilon: 1, delta: 1e-5, count: 0, rate: 1 }, 'a budget is for one release or more'],
    [{ epsilon: 1, delta: 1e-5, count: 1, rate: 0 }, 'a budget is for one release or more'],
    [{ epsilon: 1, delta: 1, count: 1, rate: 1 }, 'δ is between 0 and 1, not 1'],
  ])('refuses a budget without meaning: %j', (bad, reason) => {
    expect(() => noiseFor(bad)).toThrow(`Privacy: ${reason}.`);
  });
});

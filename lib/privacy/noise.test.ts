import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epsilonOfCurve, renyiCurve } from './accountant.ts';
import { discreteGaussian, happens, happensSmall, varianceOf } from './discrete-gaussian.ts';
import { distributedCurve, noisyFixedPoint, roundedNorm, sigmaOfShare, sumInflation } from './distributed-noise.ts';
import { stepOf } from './fixed-point.ts';
import { addGaussianNoise } from './gaussian-noise.ts';
import { logNormalCdf } from './log-space.ts';
import { derivedBytes, secureBytes, uniformBelow, uniformOf } from './random-bytes.ts';
import { MAX_NOISE_MULTIPLIER } from './round-noise.ts';
import { leastThreshold } from './secure-round.ts';
import { binned, chiSquareDeviate, seededBytes } from './testing.ts';

/** |deviate| that a right distribution does not reach, and a wrong one exceeds. */
const LIMIT = 5;
const DRAWS = 20_000;

const draws = (sigma: number, seed: string, count = DRAWS): readonly number[] => {
  const next = discreteGaussian(varianceOf(sigma), seededBytes(seed));
  return Array.from({ length: count }, () => Number(next()));
};

/** The chi-square deviate of draws from the discrete Gaussian with a deviation, in bins up to three deviations. */
function discreteDeviate(values: readonly number[], sigma: number): number {
  const width = Math.max(1, Math.floor(sigma / 4));
  const half = Math.ceil((3 * sigma) / width);
  const binOf = (x: number) => Math.max(0, Math.min(2 * half, Math.round(x / width) + half));
  const expected = new Array<number>(2 * half + 1).fill(0);
  const reach = Math.ceil(12 * sigma) + 1;
  let total = 0;
  for (let x = -reach; x <= reach; x++) {
    const weight = Math.exp((-x * x) / (2 * sigma * sigma));
    total += weight;
    expected[binOf(x)] = (expected[binOf(x)] as number) + weight;
  }
  const scaled = expected.map((weight) => (values.length * weight) / total);
  return chiSquareDeviate(binned(values, expected.length, binOf), scaled);
}

test.each([
  [[31, 255, 255, 255, 255, 255, 255], 2 ** 53 - 1],
  [[255, 255, 255, 255, 255, 255, 255], 2 ** 53 - 1],
  [[0, 0, 1, 0, 0, 0, 0], 2 ** 32],
  [[0, 0, 0, 255, 0, 0, 1], 255 * 2 ** 24 + 1],
])('a uniform number is one of 53 bits', (bytes, expected) => {
  expect(uniformOf(() => Uint8Array.from(bytes))() * 2 ** 53).toBe(expected);
});

describe('an event of a fraction as its probability', () => {
  const fraction = fc
    .integer({ min: 2, max: 2 ** 39 })
    .chain((denominator) => fc.tuple(fc.integer({ min: 1, max: denominator - 1 }), fc.constant(denominator)));

  test.each<[string, (numerator: number, denominator: number, byte: () => number) => boolean]>([
    ['of small numbers', happensSmall],
    ['of any numbers', (numerator, denominator, byte) => happens(BigInt(numerator), BigInt(denominator), byte)],
  ])('happens for exactly the random numbers below it, %s', (_, happens) => {
    fc.assert(
      fc.property(fraction, fc.uint8Array({ minLength: 3, maxLength: 3 }), fc.nat(3), ([n, d], random, equal) => {
        // Random digits, of which the first ones are those of the fraction: they alone decide nothing.
        const digits = [0, 1, 2].map((at) => Number((BigInt(n) * 256n ** BigInt(at + 1)) / BigInt(d)) % 256);
        const drawn = [...digits.slice(0, equal), ...random.subarray(equal)];
        const decides = drawn.findIndex((digit, at) => digit !== digits[at]);
        let used = 0;
        const byte = () => {
          if (used === drawn.length) throw new Error('Undecided.');
          return drawn[used++] as number;
        };

        if (decides === -1) expect(() => happens(n, d, byte)).toThrow('Undecided.');
        else expect(happens(n, d, byte)).toBe((drawn[decides] as number) < (digits[decides] as number));
        expect(used).toBe(decides === -1 ? 3 : decides + 1);
      }),
    );
  });
});

describe('the discrete Gaussian', () => {
  test.each([0.5, 1, 2.75, 40])('has the right distribution, and another deviation would show: σ = %d', (sigma) => {
    const values = draws(sigma, `σ ${sigma}`);

    expect(Math.abs(discreteDeviate(values, sigma))).toBeLessThan(LIMIT);
    expect(discreteDeviate(values, sigma * 1.06)).toBeGreaterThan(LIMIT);
    expect(discreteDeviate(draws(sigma * 1.06, 'wrong'), sigma)).toBeGreaterThan(LIMIT);
  });

  test('works for deviations far beyond 2⁵³ once squared', () => {
    const sigma = 2 ** 30 + 0.3;
    const values = draws(sigma, 'large', 3000);

    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x / sigma) ** 2, 0) / values.length;
    expect(Math.abs(mean / sigma)).toBeLessThan(5 / Math.sqrt(values.length));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
  });

  test('has a deviation that is never rounded down', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (sigma) => {
        const { numerator, denominator } = varianceOf(sigma);
        const root = Math.sqrt(Number(numerator) / Number(denominator));

        expect(root).toBeGreaterThanOrEqual(sigma * (1 - 1e-15));
        expect(root).toBeLessThanOrEqual(sigma + 2 ** -15);
      }),
    );
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a deviation of %d', (sigma) => {
    expect(() => varianceOf(sigma)).toThrow(/deviation/);
  });
});

describe('the Gaussian of floats', () => {
  const deviateOf = (sigma: number, assumed: number) => {
    const values = new Float32Array(DRAWS).fill(10);
    addGaussianNoise(values, sigma, seededBytes(`normal ${sigma}`));
    const edges = Array.from({ length: 25 }, (_, i) => (i - 12) / 4);
    const cdf = [0, ...edges.map((edge) => Math.exp(logNormalCdf(edge))), 1];
    const expected = cdf.slice(1).map((upper, i) => DRAWS * (upper - (cdf[i] as number)));
    const binOf = (x: number) => edges.findLastIndex((edge) => (x - 10) / assumed >= edge) + 1;
    return chiSquareDeviate(binned(values, expected.length, binOf), expected);
  };

  test('is around the values with the right deviation, and another would show', () => {
    expect(Math.abs(deviateOf(2, 2))).toBeLessThan(LIMIT);
    expect(deviateOf(2.12, 2)).toBeGreaterThan(LIMIT);
  });
});

describe('random bytes', () => {
  test('are the same from the same key, however they are taken, and others from another key', () => {
    const key = new Uint8Array(32).fill(7);
    const [whole, parts] = [derivedBytes(key), derivedBytes(key)];

    const taken = whole(100_000);

    expect(Buffer.concat([parts(1), parts(70_000), parts(29_999)]).equals(taken)).toBe(true);
    expect(Buffer.from(derivedBytes(new Uint8Array(32))(16))).not.toEqual(Buffer.from(taken.subarray(0, 16)));
  });

  test('give uniform numbers below any limit', () => {
    const bytes = secureBytes();
    const values = Array.from({ length: DRAWS }, () => Number(uniformBelow(bytes, 37n)));

    const deviate = chiSquareDeviate(
      binned(values, 37, (x) => x),
      new Array(37).fill(DRAWS / 37),
    );

    expect(Math.abs(deviate)).toBeLessThan(6);
    const unit = uniformOf(bytes);
    const units = Array.from({ length: DRAWS }, unit);
    expect(units.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(
      Math.abs(
        chiSquareDeviate(
          binned(units, 64, (x) => Math.floor(x * 64)),
          new Array(64).fill(DRAWS / 64),
        ),
      ),
    ).toBeLessThan(6);
  });
});

describe('the sum of discrete Gaussians', () => {
  test('costs what one Gaussian costs where the noise of each site is a few steps', () => {
    const noise = { sigma: 3, sites: 25, dimension: 62_100_000, norm: 20, count: 100 };

    const one = epsilonOfCurve(renyiCurve([{ noise: (3 * 5) / 20, rate: 1, count: 100 }]), 1e-5);

    expect(Math.abs(epsilonOfCurve(distributedCurve(noise), 1e-5) / one - 1)).toBeLessThan(1e-9);
  });

  test('is inflated as the paper says, and more with less noise', () => {
    // 10 (e^(−π²σ²) + e^(−4π²σ²/3)), σ = 1/2.
    expect(sumInflation(0.5, 3)).toBeCloseTo(10 * (Math.exp(-(Math.PI ** 2) / 4) + Math.exp(-(Math.PI ** 2) / 3)), 12);
    expect(sumInflation(0.5, 1)).toBe(0);
    const costAt = (sigma: number) =>
      epsilonOfCurve(distributedCurve({ sigma, sites: 10, dimension: 1000, norm: 5, count: 1 }), 1e-5);
    expect(costAt(0.5)).toBeGreaterThan(costAt(0.7));
    expect(costAt(0.49)).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ['with few values', { sigma: 0.5, sites: 10, dimension: 1000, norm: 5 }, 2355.32531924677],
    ['with many values', { sigma: 0.8, sites: 3, dimension: 1_000_000, norm: 3 }, 415.471108740206],
    ['with fewer values than steps', { sigma: 0.8, sites: 100, dimension: 4, norm: 3 }, 0.18311436164074],
  ])('costs the least of the bounds of proposition 14, %s', (_, noise, cost) => {
    const costAt = (count: number) => distributedCurve({ ...noise, count }, [2]).get(2);

    // At order 2: ‖x‖²/σ² + τd, or ‖x‖²/σ² + 2τ‖x‖₁/σ + τ²d.
    expect(costAt(1)).toBeCloseTo(cost, 8);
    expect(costAt(3)).toBeCloseTo(3 * cost, 7);
  });

  test('has all of the noise without one share, fits into 32 bits, and is a Gaussian to the last bit', () => {
    const cohort = fc
      .integer({ min: 3, max: 1000 })
      .chain((sites) =>
        fc.record({ sites: fc.constant(sites), threshold: fc.integer({ min: leastThreshold(sites, 0), max: sites }) }),
      );
    const multiplier = fc.double({ min: 1e-3, max: MAX_NOISE_MULTIPLIER, noNaN: true });
    fc.assert(
      fc.property(cohort, multiplier, fc.integer({ min: 1, max: 70_000_000 }), (of, noiseMultiplier, dimension) => {
        const clip = 0.7;
        const noise = { clip, noiseMultiplier };
        const terms = noisyFixedPoint(noise, of);
        const sigma = sigmaOfShare(noise, of.threshold, { terms, dimension });
        const step = stepOf(terms);
        const norm = roundedNorm(clip / step, dimension);

        expect((sigma * Math.sqrt(of.threshold - 1)) / norm / noiseMultiplier).toBeCloseTo(1, 12);
        // Every update at the clip in the same value, and nine deviations of all shares.
        const largest = of.sites * Math.round(clip / step) + 9 * sigma * Math.sqrt(of.sites);
        expect(largest).toBeLessThanOrEqual(2 ** 31);
        const one = renyiCurve([{ noise: noiseMultiplier, rate: 1, count: 1 }]);
        const distributed = distributedCurve({ sigma, sites: of.threshold - 1, dimension, norm, count: 1 });
        for (const [order, cost] of one) expect(distributed.get(order)! / cost).toBeCloseTo(1, 9);
      }),
    );
  });

  test('is refused where its steps are too coarse', () => {
    const noise = { clip: 1, noiseMultiplier: 1e-9 };
    const terms = noisyFixedPoint(noise, { sites: 8, threshold: 6 });

    expect(() => sigmaOfShare(noise, 6, { terms, dimension: 10 })).toThrow('too coarse for the noise');
  });

  test('of measured draws is no further from one Gaussian than the bound', () => {
    // For σ = ½ and two sites the bound is 10 e^(−π²/4) = 0.85: the log ratio of probabilities is compared, exactly.
    const pmf = (sigma: number) => {
      const weights = Array.from({ length: 41 }, (_, i) => Math.exp(-((i - 20) ** 2) / (2 * sigma ** 2)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return weights.map((weight) => weight / total);
    };
    for (const sigma of [0.5, 0.7, 1]) {
      const [one, both] = [pmf(sigma), pmf(Math.SQRT2 * sigma)];
      const ratios = [-3, -2, -1, 0, 1, 2, 3].map((x) => {
        const sum = one.reduce((total, p, i) => total + p * (one[20 + x - (i - 20)] ?? 0), 0);
        return Math.abs(Math.log(sum / (both[20 + x] as number)));
      });

      expect(Math.max(...ratios)).toBeLessThanOrEqual(sumInflation(sigma, 2) + 1e-12);
    }
  });

  test('bounds the norm after rounding', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (values) => {
          const rounded = Math.hypot(...values.map(Math.round));

          expect(rounded).toBeLessThanOrEqual(roundedNorm(Math.hypot(...values), values.length) + 1e-9);
        },
      ),
    );
  });
});

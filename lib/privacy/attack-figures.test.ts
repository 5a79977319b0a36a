import { expect, test } from 'vitest';
import { normal, seededRandom } from '../random.ts';
import { areaUnderCurve, clopperPearson, truePositiveRate } from './attack-figures.ts';
import { likelihoodRatios } from './likelihood-ratio.ts';

const random = () => seededRandom('attack');

test.each([
  // Values of R's binom.test.
  [0, 10, 0, 0.3085],
  [3, 10, 0.0667, 0.6525],
  [10, 10, 0.6915, 1],
  [50, 100, 0.3983, 0.6017],
])('%i of %i: the exact interval is %f to %f', (k, n, low, high) => {
  const found = clopperPearson(k, n);

  expect(found.low).toBeCloseTo(low, 3);
  expect(found.high).toBeCloseTo(high, 3);
});

test('the area is 1 for perfect scores, a half for ties, and its interval holds a half for noise', () => {
  const noise = random();
  const [members, others] = [1, 2].map(() => Array.from({ length: 30 }, () => normal(noise)));

  expect(areaUnderCurve([3, 4], [1, 2], random()).value).toBe(1);
  expect(areaUnderCurve([1, 1], [1, 1], random()).value).toBe(0.5);
  const found = areaUnderCurve(members!, others!, random());
  expect(found.low).toBeLessThan(0.5);
  expect(found.high).toBeGreaterThan(0.5);
});

test('the rate of members found is at a threshold that lets no more than the rate of others through', () => {
  const others = Array.from({ length: 100 }, (_, index) => index / 100);

  expect(truePositiveRate([2, 2, 0], others, 0.01)).toMatchObject({ value: 2 / 3, falsePositives: 1 });
  expect(truePositiveRate([0.985, 0.5], others, 0.01).value).toBe(0.5);
  expect(truePositiveRate([0.95, 0.5], others.slice(0, 5), 0.01)).toMatchObject({ value: 1, falsePositives: 0 });
});

test('the ratio finds members of a model that remembers, and nothing in one that does not', () => {
  const draw = random();
  const attackOn = (memory: number) => {
    const cases = Array.from({ length: 60 }, (_, index) => ({ level: normal(draw), isMember: index < 30 }));
    const losses = (level: number, inside: boolean) => level - (inside ? memory : 0) + 0.3 * normal(draw);
    const many = (level: number, inside: boolean) => Array.from({ length: 4 }, () => losses(level, inside));
    const shadows = cases.map(({ level }) => ({ withCase: many(level, true), without: many(level, false) }));
    const ratios = likelihoodRatios(
      shadows,
      cases.map(({ level, isMember }) => losses(level, isMember)),
    );
    return areaUnderCurve(ratios.slice(0, 30), ratios.slice(30), random()).value;
  };

  expect(attackOn(1)).toBeGreaterThan(0.9);
  expect(Math.abs(attackOn(0) - 0.5)).toBeLessThan(0.25);
});

test('the ratio is that of two normal distributions, whose deviations are pooled', () => {
  const ratios = likelihoodRatios(
    [
      { withCase: [1, 2], without: [2, 4, 3] },
      { withCase: [5, 7], without: [8, 9, 7] },
    ],
    [1.2, 8.5],
  );

  // SciPy 1.17.1, norm.logpdf with numpy's pooled standard deviations.
  expect(ratios[0]).toBeCloseTo(1.4724282243428952, 12);
  expect(ratios[1]).toBeCloseTo(-2.4865717756571053, 12);
});

test('one loss on each side, or equal ones, do not make the ratio infinite', () => {
  const one = { withCase: [1], without: [2] };
  const equal = { withCase: [1, 1], without: [2, 2] };

  for (const shadows of [one, equal]) {
    const [member, other, between] = likelihoodRatios([shadows, shadows, shadows], [1, 2, 1.5]);
    expect(member).toBeGreaterThan(0);
    expect(Number.isFinite(member)).toBe(true);
    expect(other).toBeCloseTo(-(member as number), 3);
    expect(between).toBeCloseTo(0, 3);
  }
});

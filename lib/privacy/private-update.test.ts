import { describe, expect, test } from 'vitest';
import type { Weights } from '../weights/weights.ts';
import { differenceNorm, dimensionOf, privateUpdate, scaleTo } from './private-update.ts';
import { noiseGrid } from './round-noise.ts';

const weights = (tensors: Readonly<Record<string, readonly number[]>>): Weights =>
  new Map(
    Object.entries(tensors).map(([name, values]) => [
      name,
      { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) },
    ]),
  );
const valuesOf = (of: Weights) => [...of].map(([name, { data }]) => [name, [...data]]);

const FROM = weights({ a: [1, 1], b: [-2] });
/** Its difference from FROM is 3, 0 and 4: its norm is 5. */
const TO = weights({ a: [4, 1], b: [2] });

test('the norm is that of the difference of all values', () => {
  expect(differenceNorm(TO, FROM)).toBe(5);
  expect(differenceNorm(FROM, FROM)).toBe(0);
  expect(dimensionOf(TO)).toBe(3);
});

test('a difference is scaled to just below the clip, or not at all', () => {
  expect(scaleTo(5, 5)).toBe(1);
  expect(scaleTo(10, 5)).toBe(1);
  expect(scaleTo(1, 5) * 5).toBeLessThan(1);
  expect(scaleTo(1, 5) * 5).toBeCloseTo(1, 5);
});

describe('an update', () => {
  test('without noise stays as it is up to the clip', () => {
    const found = privateUpdate(TO, FROM, { clip: 5, noiseMultiplier: 0 });

    expect(found).toEqual({ weights: TO, clipped: false });
  });

  test('beyond the clip is scaled around where it started', () => {
    const { weights: scaled, clipped } = privateUpdate(TO, FROM, { clip: 2.5, noiseMultiplier: 0 });

    expect(clipped).toBe(true);
    expect(differenceNorm(scaled, FROM)).toBeLessThanOrEqual(2.5);
    const [[, a], [, b]] = valuesOf(scaled) as [[string, number[]], [string, number[]]];
    expect(a[0]).toBeCloseTo(2.5, 5);
    expect(a[1]).toBe(1);
    expect(b[0]).toBeCloseTo(0, 5);
    expect(scaled.get('a')).toMatchObject({ dtype: 'F32', shape: [2] });
  });

  test.each([
    ['within the clip', 8, 1, false],
    ['beyond the clip', 2.5, scaleTo(2.5, 5), true],
  ])('with noise is on the grid, each value with its own noise: %s', (_, clip, factor, clipped) => {
    const terms = { clip, noiseMultiplier: 1 };
    const { step } = noiseGrid(terms, 0);
    let drawn = 0;

    const found = privateUpdate(TO, FROM, terms, () => 1000 * ++drawn);

    const noisy = (from: number, difference: number, noise: number) =>
      Math.fround(from + (Math.round((difference * factor) / step) + noise) * step);
    expect(valuesOf(found.weights)).toEqual([
      ['a', [noisy(1, 3, 1000), noisy(1, 0, 2000)]],
      ['b', [noisy(-2, 4, 3000)]],
    ]);
    expect(found.clipped).toBe(clipped);
  });
});

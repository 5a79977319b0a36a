import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CT_INTENSITY, type Intensity, intensityOf, isSameIntensity, normalise, normalised } from './intensity.ts';

interface Case {
  readonly name: string;
  readonly intensity: Intensity;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

const FIXTURE = new URL('../../test/fixtures/imaging/intensity.json', import.meta.url);
const { cases }: { readonly cases: readonly Case[] } = JSON.parse(readFileSync(FIXTURE, 'utf8'));
const IMAGE: Intensity = { low: null, high: null, mean: 'image', deviation: 'image' };

describe('values are those of other tools', () => {
  test.each(cases)('$name', ({ intensity, input, output }) => {
    const values = Float32Array.from(input);

    const found = normalise(values, intensityOf(values, intensity));

    for (const [i, value] of found.entries()) {
      expect(Math.abs(value - output[i]!)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(output[i]!)));
    }
  });
});

test('a CT is clipped and normalised by fixed statistics, as in earlier releases', () => {
  const { low, high, mean, deviation } = CT_INTENSITY;
  const values = Int16Array.of(-3000, low, mean, mean + deviation, high, 30000);

  const found = normalise(values, intensityOf(values, CT_INTENSITY));

  const earlier = [low, low, mean, mean + deviation, high, high].map((hu) => (hu - 125) / 220);
  expect(found).toEqual(Float32Array.from(earlier));
});

test('values can be normalised in place', () => {
  const hu = Float32Array.of(-1000, 125, 345);
  const own = intensityOf(hu, CT_INTENSITY);
  const copy = normalise(hu, own);

  expect(normalise(hu, own, hu)).toBe(hu);
  expect(hu).toEqual(copy);
});

test("statistics of an image are those after clipping, and what is outside follows the image's", () => {
  const values = Int16Array.of(-50, 10, 20, 30, 900);

  const own = intensityOf(values, { ...IMAGE, low: 0, high: 100, outside: 0 });

  expect(own.mean).toBe(32);
  expect(own.deviation).toBeCloseTo(Math.sqrt((32 ** 2 + 22 ** 2 + 12 ** 2 + 2 ** 2 + 68 ** 2) / 5), 12);
  expect(normalised(own.outside, own)).toBeCloseTo(-32 / own.deviation, 12);
});

test('an image far from 0 keeps its deviation', () => {
  const values = Float64Array.of(1e9, 1e9 + 1, 1e9 + 2);

  expect(intensityOf(values, IMAGE).deviation).toBeCloseTo(Math.sqrt(2 / 3), 9);
});

test('intensities are the same if every image becomes the same', () => {
  expect(isSameIntensity(undefined, { ...CT_INTENSITY, outside: -1000 })).toBe(true);
  for (const change of [{ low: null }, { high: 1400 }, { mean: 0 }, { deviation: 'image' as const }, { outside: 0 }]) {
    expect(isSameIntensity({ ...CT_INTENSITY, ...change }, undefined)).toBe(false);
  }
});

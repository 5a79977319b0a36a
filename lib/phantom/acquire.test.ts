import { describe, expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { acquire } from './acquire.ts';

const SHAPE = [40, 40, 40] as const;
const still = { spacing: [1.5, 1.5, 2], blurMm: 0.7, sharpness: 0, noiseHu: 0 } as const;
const edge = () => Float32Array.from({ length: 64000 }, (_, i) => (i % 40 < 20 ? 0 : 400));
const middleRow = (data: Int16Array) => [...data.subarray(40 * (20 + 40 * 20), 40 * (21 + 40 * 20))];

describe('noise', () => {
  test.each([-0.06, 0, 0.16])('has the given deviation and no bias for any kernel (%d)', (sharpness) => {
    const data = acquire(
      new Float32Array(64000).fill(300),
      SHAPE,
      { ...still, sharpness, noiseHu: 30 },
      seededRandom(1),
    );
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length);
    expect(Math.abs(mean - 300)).toBeLessThan(0.5);
    expect(Math.abs(deviation - 30)).toBeLessThan(0.8);
  });

  test('is coarser with a smoothing kernel than with a sharpening one', () => {
    const neighbours = (sharpness: number) => {
      const data = acquire(new Float32Array(64000), SHAPE, { ...still, sharpness, noiseHu: 30 }, seededRandom(1));
      let sum = 0;
      for (let i = 0; i + 1 < data.length; i++) sum += data[i]! * data[i + 1]!;
      return sum / data.length / 900;
    };
    expect(neighbours(-0.06)).toBeGreaterThan(0.1);
    expect(neighbours(0.1)).toBeLessThan(-0.1);
  });
});

describe('kernel', () => {
  test('keeps flat regions and blurs edges evenly', () => {
    const row = middleRow(acquire(edge(), SHAPE, still, seededRandom(1)));
    expect([row[0], row[10], row[30], row[39]]).toEqual([0, 0, 400, 400]);
    expect(row[19]).toBeGreaterThan(0);
    expect(row[19]! + row[20]!).toBe(400);
  });

  test('overshoots when it sharpens and not when it smooths', () => {
    const highest = (sharpness: number) =>
      Math.max(...middleRow(acquire(edge(), SHAPE, { ...still, sharpness }, seededRandom(1))));
    expect(highest(0.16)).toBeGreaterThan(405);
    expect(highest(-0.06)).toBe(400);
  });
});

test('values stay in the range that a scanner stores', () => {
  const data = acquire(new Float32Array(64000).fill(-1000), SHAPE, { ...still, noiseHu: 60 }, seededRandom(1));
  expect(data.reduce((a, b) => Math.min(a, b))).toBe(-1024);
});

import { describe, expect, test } from 'vitest';
import type { Affine, Vec3, Volume } from '../imaging/volume.ts';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { calciumByThreshold } from './calcium-threshold.ts';
import { dice } from './dice.ts';
import { circleThrough } from './measurements.ts';
import { median } from './quantile.ts';

const RULE = { within: 30, aboveBlood: 200, reach: 2 };
const SIDE = 40;
const affine: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
];
const at = (x: number, y: number, z: number) => x + SIDE * (y + SIDE * z);
/** Blood of 400 HU with some brighter voxels. */
const ct = (bright: Readonly<Record<number, number>>): Volume<Int16Array> => {
  const data = new Int16Array(SIDE ** 3).fill(400);
  for (const [index, hu] of Object.entries(bright)) data[Number(index)] = hu;
  return { shape: [SIDE, SIDE, SIDE], affine, data };
};
const found = ({ data }: Volume) => [...data].flatMap((value, index) => (value === 0 ? [] : [index]));
const CENTRE: Vec3 = [20, 20, 20];

describe('calcium above a threshold', () => {
  test('is what is brighter than the blood at the annulus by the given HU, near it', () => {
    const image = ct({ [at(20, 20, 28)]: 600, [at(12, 20, 20)]: 599, [at(20, 5, 20)]: 900 });

    expect(found(calciumByThreshold(image, CENTRE, { ...RULE, within: 10 }))).toEqual([at(20, 20, 28)]);
  });

  test('follows the contrast of the patient, and calcium in the annulus does not raise it', () => {
    const darker = ct({});
    darker.data.fill(250);
    for (const x of [17, 18, 19]) darker.data[at(x, 20, 20)] = 900;

    expect(found(calciumByThreshold(darker, CENTRE, RULE))).toEqual([17, 18, 19].map((x) => at(x, 20, 20)));
  });

  test('is none if the annulus lies outside the CT', () => {
    expect(found(calciumByThreshold(ct({ 0: 900 }), [-20, -20, -20], RULE))).toEqual([]);
  });

  test('with a place is what touches it within reach, whole, and nothing else', () => {
    const near = [at(20, 20, 28), at(21, 21, 29), at(22, 22, 30)];
    const far = at(10, 20, 20);
    const image = ct(Object.fromEntries([...near, far].map((index) => [index, 900])));
    const place = { ...image, data: new Uint8Array(SIDE ** 3) };
    place.data[at(20, 20, 26)] = 1;

    expect(found(calciumByThreshold(image, CENTRE, RULE, place))).toEqual(near);
    expect(found(calciumByThreshold(image, CENTRE, { ...RULE, reach: 1.9 }, place))).toEqual([]);
  });
});

describe('on phantoms of eight scanners with the true points', () => {
  const cases = Array.from({ length: 16 }, (_, i) => {
    const { image, points, masks } = generatePhantom({ seed: 9000 + i, scanner: scannerOf(i, 101) });
    const [right, left, nonCoronary] = points['hinge-points'] as readonly [Vec3, Vec3, Vec3];
    const centre = circleThrough(right, left, nonCoronary)?.centre as Vec3;
    return { image, centre, truth: masks.calcification };
  });

  test('reaches a median Dice of at least 0.8, and finds no calcium where there is none', () => {
    const scores = cases.map(({ image, centre, truth }) =>
      dice(calciumByThreshold(image, centre, RULE).data, truth.data),
    );

    expect(median(scores.filter((score) => score !== null))).toBeGreaterThan(0.8);
    expect(scores).toContain(null);
  });

  test.each([100, 300])('has a better border with 200 HU above blood than with %i', (aboveBlood) => {
    const overlap = (rule: typeof RULE) =>
      median(
        cases
          .map(({ image, centre, truth }) => dice(calciumByThreshold(image, centre, rule).data, truth.data))
          .filter((score) => score !== null),
      );

    expect(overlap(RULE)).toBeGreaterThan(overlap({ ...RULE, aboveBlood }) ?? 1);
  });

  test('with the true mask as the place keeps that overlap', () => {
    const scores = cases.map(({ image, centre, truth }) =>
      dice(calciumByThreshold(image, centre, RULE, truth).data, truth.data),
    );

    expect(median(scores.filter((score) => score !== null))).toBeGreaterThan(0.8);
  });
});

import { describe, expect, test } from 'vitest';
import { disc, ellipsoid, pillar, type Solid, spheroid, thickened, tube } from './solids.ts';

/** Distance along +x from a point inside to the sign change of the solid's distance, by bisection. */
function surfaceAlongX({ distance }: Solid, y: number, z: number): number {
  let [inside, outside] = [0, 1000];
  for (let i = 0; i < 60; i++) {
    const middle = (inside + outside) / 2;
    if (distance(middle, y, z) < 0) inside = middle;
    else outside = middle;
  }
  return inside;
}

describe('surfaces have the stated positions', () => {
  test.each([
    ['ellipsoid', ellipsoid([0, 0, 0], [5, 7, 9]), 0, 0, 5],
    ['ellipsoid off its axis', ellipsoid([0, 0, 0], [5, 10, 10]), 6, 0, 4],
    ['spheroid along x', spheroid([0, 0, 0], [1, 0, 0], 9, 4), 0, 0, 9],
    ['spheroid along z', spheroid([0, 0, 0], [0, 0, 1], 10, 5), 0, 6, 4],
    [
      'tube',
      tube([
        [0, 0, -20, 3],
        [0, 0, 20, 3],
      ]),
      0,
      5,
      3,
    ],
    [
      'thickened tube',
      thickened(
        tube([
          [0, 0, -20, 3],
          [0, 0, 20, 3],
        ]),
        2,
      ),
      0,
      5,
      5,
    ],
    ['pillar', pillar([0, 0], [6, 10], 50), 8, 30, 3.6],
  ])('%s', (_, solid, y, z, expected) => {
    expect(surfaceAlongX(solid, y, z)).toBeCloseTo(expected, 6);
  });
});

test('the distance to a tube of constant width is Euclidean, also around the ends', () => {
  const { distance } = tube([
    [0, 0, 0, 2],
    [10, 0, 0, 2],
  ]);
  expect(distance(5, 3, 4)).toBeCloseTo(3, 12);
  expect(distance(13, 4, 0)).toBeCloseTo(3, 12);
});

test('the distance to an ellipsoid is exact to first order near the surface', () => {
  const { distance } = ellipsoid([0, 0, 0], [30, 15, 23]);
  expect(distance(30.5, 0, 0)).toBeCloseTo(0.5, 1);
  expect(distance(0, 14.5, 0)).toBeCloseTo(-0.5, 1);
  expect(distance(0, 0, 0)).toBeLessThan(-10);
});

test('the distance to a disc counts from its middle surface and grows beyond its rim', () => {
  const { distance } = disc([0, 0, 1], [0, 0, 1], 5);
  expect(distance(3, 0, 3)).toBe(2);
  expect(distance(3, 0, -1)).toBe(2);
  expect(distance(0, 9, 1)).toBeCloseTo(4, 12);
});

test.each([
  ['ellipsoid', ellipsoid([1, 2, 3], [5, 7, 9])],
  ['spheroid', spheroid([1, 2, 3], [0.6, 0, 0.8], 9, 4)],
  [
    'tube',
    tube([
      [1, 2, 3, 4],
      [-9, 5, 20, 2],
      [0, 30, 0, 1],
    ]),
  ],
  ['thickened', thickened(ellipsoid([1, 2, 3], [5, 7, 9]), 3)],
])('nothing of %s is outside its box', (_, { box, distance }) => {
  const at = (axis: 0 | 1 | 2, t: number) => box.min[axis] - 5 + t * (box.max[axis] - box.min[axis] + 10);
  let inside = 0;
  for (let i = 0; i <= 40; i++) {
    for (let j = 0; j <= 40; j++) {
      for (let k = 0; k <= 40; k++) {
        const p = [at(0, i / 40), at(1, j / 40), at(2, k / 40)] as const;
        if (distance(...p) >= 0) continue;
        inside += 1;
        for (const axis of [0, 1, 2] as const) {
          expect(p[axis]).toBeGreaterThanOrEqual(box.min[axis]);
          expect(p[axis]).toBeLessThanOrEqual(box.max[axis]);
        }
      }
    }
  }
  expect(inside).toBeGreaterThan(100);
});

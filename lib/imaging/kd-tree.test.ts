import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kdTree } from './kd-tree.ts';

test('finds the same nearest distance as an exhaustive search', () => {
  // Few values, so that many points coincide or lie on a splitting plane.
  const point = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -4, max: 4 })));
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 60 }), fc.array(point), (points, from) => {
      const nearest = kdTree(Float64Array.from(points.flat()));
      for (const [x = 0, y = 0, z = 0] of from) {
        const all = points.map(([a = 0, b = 0, c = 0]) => Math.hypot(a - x, b - y, c - z));
        expect(nearest([x, y, z])).toBeCloseTo(Math.min(...all), 9);
      }
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Vec3 } from '../imaging/volume.ts';
import { cross, distanceBetween, dot, type Frame, rotatedAxes, toLocal, toWorld, within } from './frame.ts';

const vector = (reach: number) => {
  const number = fc.double({ min: -reach, max: reach, noNaN: true });
  return fc.tuple(number, number, number);
};
const frame: fc.Arbitrary<Frame> = fc.record({
  origin: vector(500),
  axes: vector(180).map(rotatedAxes),
  scale: fc.double({ min: 0.5, max: 2, noNaN: true }),
});

test('converting a point to a frame and back gives the same point', () => {
  fc.assert(
    fc.property(frame, vector(100), (f, p) => {
      expect(distanceBetween(toLocal(f, toWorld(f, p)), p)).toBeLessThan(1e-9);
    }),
  );
});

test('rotated axes are orthonormal and right-handed', () => {
  fc.assert(
    fc.property(vector(180), (degrees) => {
      const [x, y, z] = rotatedAxes(degrees);
      expect(dot(x, y)).toBeCloseTo(0, 12);
      expect(dot(x, x)).toBeCloseTo(1, 12);
      expect(distanceBetween(cross(x, y), z)).toBeLessThan(1e-12);
    }),
  );
});

test('a quarter turn about the axis that points up maps right to front', () => {
  const [x] = rotatedAxes([0, 0, 90]);
  expect(distanceBetween(x, [0, 1, 0])).toBeLessThan(1e-12);
});

test('a frame within a frame combines the two', () => {
  fc.assert(
    fc.property(frame, frame, vector(50), (outer, inner, p: Vec3) => {
      expect(distanceBetween(toWorld(within(outer, inner), p), toWorld(outer, toWorld(inner, p)))).toBeLessThan(1e-9);
    }),
  );
});

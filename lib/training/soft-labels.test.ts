import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resample } from '../imaging/resample.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { distance } from './plausibility.ts';
import { decodeSoftLabel, encodeSoftLabel, softLabelOf } from './soft-labels.ts';
import { cube, volumeOf } from './testing-cases.ts';

const grid = cube(12, 3, [-5, 7, 11]);
const ball = (centre: Vec3, radius: number) =>
  volumeOf(grid, (world) => 0.9 / (1 + Math.exp(2 * (distance(world, centre) - radius))));

/** The probabilities of two classes, background first. */
function mapsOf(a: Vec3, b: Vec3) {
  const foreground = [ball(a, 4), ball(b, 3)].map((map) => ({ ...map, data: map.data.map((value) => value / 2) }));
  const background = volumeOf(grid, () => 1);
  background.data.forEach((_, i) => {
    background.data[i] = 1 - foreground.reduce((sum, { data }) => sum + data[i]!, 0);
  });
  return [background, ...foreground];
}

test("a soft label has the teacher's probabilities at every point, to the precision of half floats", () => {
  const inside = fc.tuple(...[-5, 7, 11].map((from) => fc.integer({ min: from + 3, max: from + 30 }))) as fc.Arbitrary<
    [number, number, number]
  >;
  fc.assert(
    fc.property(inside, inside, (a, b) => {
      const maps = mapsOf(a, b);
      const label = softLabelOf(maps)!;
      const [first] = label;
      const stored = decodeSoftLabel(encodeSoftLabel(label), first!.affine);
      expect(stored).toHaveLength(2);
      const finer = cube(33, 1, [-5, 7, 11]);
      stored.forEach((map, index) => {
        const [kept, whole] = [map, maps[index + 1]!].map((volume) => resample(volume, finer, 'linear', 0).data);
        const worst = Math.max(...kept!.map((value, i) => Math.abs(value - whole![i]!)));
        expect(worst).toBeLessThan(2e-3);
      });
    }),
    { numRuns: 20 },
  );
});

test('a soft label is no larger than the foreground of its teacher', () => {
  const label = softLabelOf(mapsOf([8, 20, 24], [11, 20, 24]))!;
  expect(Math.max(...label[0]!.shape)).toBeLessThan(12);
  expect(encodeSoftLabel(label).length).toBeLessThan(2 * 2 * 11 ** 3 + 200);
});

test('a teacher that found nothing gives no soft label', () => {
  expect(softLabelOf([volumeOf(grid, () => 1), volumeOf(grid, () => 0)])).toBeUndefined();
});

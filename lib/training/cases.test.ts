import { expect, test } from 'vitest';
import { trainingSchema } from '../federation/schemas/training.ts';
import { TASKS } from '../federation/tasks.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { boxed, prepareImage, reachesBeyond, targetOfClassMap } from './cases.ts';
import { cube, volumeOf } from './testing-cases.ts';

const { heartCrop } = trainingSchema.parse({ steps: 1, learningRate: 1 });

test('a CT of the heart alone is prepared whole', () => {
  const ct = volumeOf(cube(30, 6), ([x, y, z]) => x + 2 * y - 3 * z);
  expect(prepareImage(ct, { spacing: 4, heartCrop })).toEqual(prepareImage(ct, { spacing: 4, heartCrop: null }));
});

test('a large CT without contrast is prepared whole, because its heart is not found', () => {
  const ct = volumeOf(cube(50, 8), () => 40);
  expect(heartCrop).toBeLessThan(400);
  expect(prepareImage(ct, { spacing: 8, heartCrop }).shape).toEqual([50, 50, 50]);
});

test('a large CT with contrast between lungs is cropped around its heart', () => {
  const ct = volumeOf(cube(50, 8), ([x, y, z]) => {
    if (Math.hypot(x - 220, y - 180, z - 250) < 50) return 350;
    return Math.abs(x - 220) > 60 && Math.abs(x - 220) < 130 ? -800 : 40;
  });
  const { shape, affine } = prepareImage(ct, { spacing: 8, heartCrop });
  expect(shape).toEqual([32, 32, 32]);
  [220, 180, 250].forEach((at, axis) => {
    expect(Math.abs((affine[axis as 0]?.[3] ?? 0) + 15.5 * 8 - at)).toBeLessThan(25);
  });
});

test("a scaled mask's classes are rounded, not truncated", () => {
  const grid = cube(2, 1);
  const data = Float32Array.from([0, 1e-9, 0.9999999, 1, 1.004, 0.997, 0, 0]);
  const target = targetOfClassMap(TASKS.calcification, { ...grid, data });
  expect(target).toMatchObject({ kind: 'mask', mask: { data: Uint8Array.from([0, 0, 1, 1, 1, 1, 0, 0]) } });
  const points = targetOfClassMap(TASKS['membranous-septum'], { ...grid, data });
  expect(points).toMatchObject({ points: [{ position: expect.anything() }, { position: null }] });
});

test('a target reaches beyond an image if a point or a voxel of it lies outside', () => {
  const image = cube(10, 6);
  const points = (at: Vec3) => ({
    kind: 'points' as const,
    points: [
      { label: 1, position: at },
      { label: 2, position: null },
    ],
  });
  const mask = (x: number) => {
    const grid = { ...cube(16, 6), data: new Uint8Array(16 ** 3) };
    grid.data[x + 16 * (5 + 16 * 5)] = 1;
    return boxed({ kind: 'mask', mask: grid });
  };

  expect(reachesBeyond(points([0, 56, 56]), image)).toBe(false);
  expect(reachesBeyond(points([0, 58, 56]), image)).toBe(true);
  expect(reachesBeyond(mask(9), image)).toBe(false);
  expect(reachesBeyond(mask(10), image)).toBe(true);
  expect(reachesBeyond(boxed({ kind: 'mask', mask: { ...cube(16, 6), data: new Uint8Array(16 ** 3) } }), image)).toBe(
    false,
  );
});

import { expect, test } from 'vitest';
import { trainingSchema } from '../federation/schemas/training.ts';
import { TASKS } from '../federation/tasks.ts';
import { CT_INTENSITY } from '../imaging/intensity.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { boxed, prepareImage, reachesBeyond, targetOfClassMap } from './cases.ts';
import { cutPatch } from './patches.ts';
import { cube, volumeOf } from './testing-cases.ts';

const { heartCrop } = trainingSchema.parse({ steps: 1, learningRate: 1 });

test('a CT of the heart alone is prepared whole', () => {
  const ct = volumeOf(cube(30, 6), ([x, y, z]) => x + 2 * y - 3 * z);
  expect(prepareImage(ct, { spacing: 4, heartCrop, intensity: CT_INTENSITY })).toEqual(
    prepareImage(ct, { spacing: 4, heartCrop: null, intensity: CT_INTENSITY }),
  );
});

test('a large CT without contrast is prepared whole, because its heart is not found', () => {
  const ct = volumeOf(cube(50, 8), () => 40);
  expect(heartCrop).toBeLessThan(400);
  expect(prepareImage(ct, { spacing: 8, heartCrop, intensity: CT_INTENSITY }).shape).toEqual([50, 50, 50]);
});

test('a large CT with contrast between lungs is cropped around its heart', () => {
  const ct = volumeOf(cube(50, 8), ([x, y, z]) => {
    if (Math.hypot(x - 220, y - 180, z - 250) < 50) return 350;
    return Math.abs(x - 220) > 60 && Math.abs(x - 220) < 130 ? -800 : 40;
  });
  const { shape, affine } = prepareImage(ct, { spacing: 8, heartCrop, intensity: CT_INTENSITY });
  expect(shape).toEqual([32, 32, 32]);
  [220, 180, 250].forEach((at, axis) => {
    expect(Math.abs((affine[axis as 0]?.[3] ?? 0) + 15.5 * 8 - at)).toBeLessThan(25);
  });
});

test('an image is normalised by its own statistics, whatever is cut out of it, and so is what is outside', () => {
  const values = { low: null, high: null, mean: 'image', deviation: 'image', outside: 0 } as const;
  const image = volumeOf(cube(20, 3), ([x, y, z]) => 1000 + x + 2 * y + 3 * z);
  const mean = image.data.reduce((sum, value) => sum + value, 0) / image.data.length;
  const deviation = Math.sqrt(image.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / image.data.length);

  const prepared = prepareImage(image, { spacing: 3, heartCrop: null, intensity: values });
  const patch = cutPatch(
    { id: 'p1', image: prepared, targets: new Map() },
    [],
    { side: 30, spacing: 3, augment: false },
    () => 0.5,
  );

  expect(prepared.data.every((value, i) => Math.abs(value - (image.data[i]! - mean) / deviation) < 1e-5)).toBe(true);
  expect(prepared.outside).toBeCloseTo(-mean / deviation, 5);
  const corner = patch.image[0]!;
  expect(corner).toBeCloseTo(prepared.outside, 5);
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

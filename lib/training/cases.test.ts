import { expect, test } from 'vitest';
import { trainingSchema } from '../federation/schemas/training.ts';
import { prepareImage, targetOfClassMap } from './cases.ts';
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
  const target = targetOfClassMap('calcification', { ...grid, data });
  expect(target).toMatchObject({ kind: 'mask', mask: { data: Uint8Array.from([0, 0, 1, 1, 1, 1, 0, 0]) } });
  const points = targetOfClassMap('membranous-septum', { ...grid, data });
  expect(points).toMatchObject({ points: [{ position: expect.anything() }, { position: null }] });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apply } from './affine.ts';
import { boxAround, crop } from './box.ts';
import type { Affine, Vec3, Volume } from './volume.ts';

const AFFINE: Affine = [
  [0, -2, 0, 5],
  [1.5, 0, 0, -7],
  [0, 0, 3, 11],
  [0, 0, 0, 1],
];

const volume = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .chain((shape) =>
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 2), {
        minLength: shape[0] * shape[1] * shape[2],
        maxLength: shape[0] * shape[1] * shape[2],
      })
      .map((data): Volume<Uint8Array> => ({ shape, affine: AFFINE, data: Uint8Array.from(data) })),
  );

/** All voxels that are not 0, with their world positions. */
const found = ({ data, shape: [nx, ny], affine }: Volume) =>
  [...data].flatMap((value, i) => {
    if (value === 0) return [];
    const at: Vec3 = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    return [`${value} at ${apply(affine, at).join()}`];
  });

test('the box holds the whole foreground at its position, without an empty outer layer', () => {
  fc.assert(
    fc.property(volume, (of) => {
      const box = boxAround(of, (value) => value > 0, 0);
      if (!box) {
        expect(of.data.some((value) => value > 0)).toBe(false);
        return;
      }
      const cut = crop(of, box);
      expect(found(cut)).toEqual(found(of));
      for (const axis of [0, 1, 2] as const) {
        for (const index of [0, cut.shape[axis] - 1]) {
          const first: [number, number, number] = [0, 0, 0];
          const end: [number, number, number] = [...cut.shape];
          first[axis] = index;
          end[axis] = index + 1;
          expect(found(crop(cut, { first, end })).length).toBeGreaterThan(0);
        }
      }
    }),
  );
});

test("a margin in mm is rounded up to whole voxels on each axis, and ends at the volume's border", () => {
  const data = new Uint8Array(10 ** 3);
  data[5 + 10 * (5 + 10 * 8)] = 1;
  const box = boxAround({ shape: [10, 10, 10], affine: AFFINE, data }, (value) => value === 1, 4);
  expect(box).toEqual({ first: [2, 3, 6], end: [9, 8, 10] });
});

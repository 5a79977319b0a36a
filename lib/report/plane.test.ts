import fc from 'fast-check';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import type { Affine, Vec3, Volume } from '../imaging/volume.ts';
import { outlinePath } from './outline.ts';
import { classSlice, densestLevel, greySlice, planeAround, planeThrough, pngUri, project } from './plane.ts';

/** 20³ voxels of 2 mm in LPS order, world centre at the origin, one bright voxel. */
function volumeWith(point: Vec3): Volume<Int16Array> {
  const affine: Affine = [
    [-2, 0, 0, 19],
    [0, -2, 0, 19],
    [0, 0, 2, -19],
    [0, 0, 0, 1],
  ];
  const data = new Int16Array(20 ** 3).fill(-200);
  const [x, y, z] = [(19 - point[0]) / 2, (19 - point[1]) / 2, (point[2] + 19) / 2];
  data[x + 20 * (y + 20 * z)] = 700;
  return { shape: [20, 20, 20], affine, data };
}

/** Right, front and up of the centre. */
const POINT: Vec3 = [9, 5, 3];

const brightest = (grey: Uint8Array, width: number) => {
  const at = grey.indexOf(Math.max(...grey));
  return { x: at % width, y: Math.floor(at / width) };
};

describe('planes', () => {
  const volume = volumeWith(POINT);

  test("show the patient's right on the left, front or head at the top", () => {
    const axial = planeThrough(volume, 'axial', 3, 1);
    const inAxial = brightest(greySlice(volume, axial), axial.width);
    expect(inAxial.x).toBeLessThan(axial.width / 2);
    expect(inAxial.y).toBeLessThan(axial.height / 2);
    const coronal = planeThrough(volume, 'coronal', 5, 1);
    const inCoronal = brightest(greySlice(volume, coronal), coronal.width);
    expect(inCoronal.x).toBeLessThan(coronal.width / 2);
    expect(inCoronal.y).toBeLessThan(coronal.height / 2);
    const sagittal = planeThrough(volume, 'sagittal', 9, 1);
    const inSagittal = brightest(greySlice(volume, sagittal), sagittal.width);
    expect(inSagittal.x).toBeLessThan(sagittal.width / 2);
    expect(inSagittal.y).toBeLessThan(sagittal.height / 2);
  });

  test.each(['axial', 'coronal', 'sagittal'] as const)(
    'of a part of a CT have their point in the middle, %s',
    (cut) => {
      const plane = planeAround(cut, POINT, 11, 1);
      expect({ width: plane.width, height: plane.height }).toEqual({ width: 11, height: 11 });
      expect(project(plane, POINT)).toEqual({ x: 5, y: 5, depth: 0 });
      expect(brightest(greySlice(volume, plane), 11)).toEqual({ x: 5, y: 5 });
    },
  );

  test('through most of a mask cut it where it is largest, along each axis', () => {
    const at = [3, 5, 7] as const;
    const shape = [9, 9, 9] as const;
    const cross = Uint8Array.from({ length: 9 ** 3 }, (_, i) => {
      const index = [i % 9, Math.floor(i / 9) % 9, Math.floor(i / 81)];
      return index.filter((value, axis) => value === at[axis]).length >= 2 ? 1 : 0;
    });
    const mask = { ...volume, shape, data: cross };
    expect(densestLevel(mask, 'sagittal')).toBe(19 - 2 * 3);
    expect(densestLevel(mask, 'coronal')).toBe(19 - 2 * 5);
    expect(densestLevel(mask, 'axial')).toBe(2 * 7 - 19);
    expect(densestLevel({ ...mask, data: new Uint8Array(9 ** 3) })).toBeUndefined();
  });

  test.each([
    ['slices of 0.5 mm between whole millimetres', 0.5, 0.4, 0],
    ['slices of 0.3 mm', 0.3, -7.13, 0],
    ['slices of 3 mm', 3, 0.2, 0],
    ['a tilted grid', 0.5, 0.4, 0.2],
  ])('cut through a mask in one slice: %s', (_, spacing, origin, tilt) => {
    const [cos, sin] = [Math.cos(tilt), Math.sin(tilt)];
    const affine: Affine = [
      [1, 0, 0, 0],
      [0, cos, -sin * spacing, 0],
      [0, sin, cos * spacing, origin],
      [0, 0, 0, 1],
    ];
    for (let slice = 0; slice < 12; slice++) {
      const data = new Uint8Array(6 * 6 * 12).fill(1, 36 * slice, 36 * (slice + 1));
      const mask = { shape: [6, 6, 12] as const, affine, data };

      const level = densestLevel(mask) as number;

      expect(classSlice(mask, planeThrough(mask, 'axial', level, 0.2))).toContain(1);
      if (tilt === 0) expect(level).toBeCloseTo(origin + slice * spacing, 9);
    }
  });

  test("put a mark at its point in the CT, and give the point's distance from the cut", () => {
    const plane = planeThrough(volume, 'axial', 0, 1);
    const { x, y, depth } = project(plane, POINT);
    expect(depth).toBeCloseTo(3, 9);
    const seen = brightest(greySlice(volume, planeThrough(volume, 'axial', 3, 1)), plane.width);
    expect(Math.abs(seen.x - x)).toBeLessThan(1);
    expect(Math.abs(seen.y - y)).toBeLessThan(1);
  });

  test('map the window to black and white, and keep class numbers', () => {
    const plane = planeThrough(volume, 'axial', 3, 2);
    const grey = greySlice(volume, plane);
    expect([Math.min(...grey), Math.max(...grey)]).toEqual([0, 255]);
    const classes: Volume = { ...volume, data: Uint8Array.from(volume.data, (hu) => (hu === 700 ? 5 : 0)) };
    expect(new Set(classSlice(classes, plane))).toEqual(new Set([0, 5]));
  });

  test('become a PNG of the same values', () => {
    const uri = pngUri(Uint8Array.of(0, 50, 100, 150, 200, 255), 3, 2);
    const { width, height, data } = decode(Buffer.from(uri.replace('data:image/png;base64,', ''), 'base64'));
    expect({ width, height, data: [...data] }).toEqual({ width: 3, height: 2, data: [0, 50, 100, 150, 200, 255] });
  });
});

describe('outlinePath', () => {
  test('surrounds a square', () => {
    expect(outlinePath(Uint8Array.of(0, 0, 0, 0, 1, 1, 0, 1, 1), 3, 3)).toBe('M1,1H3M1,3H3M1,1V3M3,1V3');
  });

  test('has the length of the mask’s perimeter', () => {
    const masks = fc.array(fc.constantFrom(0, 1), { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(masks, (values) => {
        const [width, height] = [5, 4];
        const inside = (x: number, y: number) =>
          x >= 0 && y >= 0 && x < width && y < height ? (values[x + width * y] as number) : 0;
        let perimeter = 0;
        for (let y = 0; y <= height; y++)
          for (let x = 0; x <= width; x++)
            perimeter += Number(inside(x, y) !== inside(x - 1, y)) + Number(inside(x, y) !== inside(x, y - 1));
        const strokes = outlinePath(Uint8Array.from(values), width, height).matchAll(/M(\d+),(\d+)([HV])(\d+)/g);
        const drawn = [...strokes].reduce(
          (sum, [, x, y, direction, to]) => sum + Number(to) - Number(direction === 'H' ? x : y),
          0,
        );
        expect(drawn).toBe(perimeter);
      }),
    );
  });
});

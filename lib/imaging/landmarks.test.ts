import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dice } from '../scoring/dice.ts';
import { foregroundVolume } from '../scoring/foreground-volume.ts';
import { affineOf, apply, IDENTITY } from './affine.ts';
import { connectedComponents, largestComponent } from './connected-components.ts';
import { decodeLandmarks, landmarksOfClassMap, paintLandmarks } from './landmarks.ts';
import type { Vec3, Volume } from './volume.ts';

const GRID = {
  shape: [40, 36, 32],
  affine: affineOf([
    [-1.5, 0.1, 0, 30],
    [0.1, 1.6, 0, -25],
    [0, 0, 2, 10],
  ]),
} as const;
const distance = (a: Vec3, b: Vec3) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const voxel = (x: number, y: number, z: number) => x + GRID.shape[0] * (y + GRID.shape[1] * z);

describe('painted landmarks', () => {
  test('are decoded to their positions within a quarter of a voxel', () => {
    const inside = fc.tuple(
      fc.double({ min: 5, max: 34, noNaN: true }),
      fc.double({ min: 5, max: 30, noNaN: true }),
      fc.double({ min: 5, max: 26, noNaN: true }),
    );
    fc.assert(
      fc.property(inside, inside, (a, b) => {
        const [p, q] = [apply(GRID.affine, a), apply(GRID.affine, b)];
        fc.pre(distance(p, q) > 9);
        const points = [
          { label: 1, position: p },
          { label: 2, position: null },
          { label: 3, position: q },
        ];
        const map = paintLandmarks(points, GRID, 4);
        for (const decoded of [decodeLandmarks(map, 3), landmarksOfClassMap(map, 3)]) {
          expect(decoded.map((point) => point.label)).toEqual([1, 2, 3]);
          expect(distance(decoded[0]?.position as Vec3, p)).toBeLessThan(0.5);
          expect(decoded[1]?.position).toBeNull();
          expect(distance(decoded[2]?.position as Vec3, q)).toBeLessThan(0.5);
        }
      }),
    );
  });

  test('hold exactly the voxels within the radius, each in the class of its nearest point', () => {
    const points = [
      { label: 2, position: apply(GRID.affine, [15.2, 15, 15]) },
      { label: 1, position: apply(GRID.affine, [18.9, 16, 15.5]) },
      { label: 5, position: apply(GRID.affine, [-1, 3, 3]) },
    ];
    const { data } = paintLandmarks(points, GRID, 6);
    for (let z = 0; z < GRID.shape[2]; z += 1) {
      for (let y = 0; y < GRID.shape[1]; y += 1) {
        for (let x = 0; x < GRID.shape[0]; x += 1) {
          const at = apply(GRID.affine, [x, y, z]);
          const [nearest] = points
            .map((point) => ({ label: point.label, mm: distance(at, point.position) }))
            .sort((a, b) => a.mm - b.mm);
          expect(data[voxel(x, y, z)]).toBe(nearest && nearest.mm <= 6 ? nearest.label : 0);
        }
      }
    }
  });

  test('become the voxel of their point if the sphere is smaller than a voxel', () => {
    const { data } = paintLandmarks([{ label: 4, position: apply(GRID.affine, [7.4, 8.4, 9.6]) }], GRID, 0.2);
    expect(data[voxel(7, 8, 10)]).toBe(4);
    expect(data.filter((value) => value !== 0)).toHaveLength(1);
  });

  test('leave no voxel if the point is far outside', () => {
    const { data } = paintLandmarks([{ label: 1, position: [500, 0, 0] }], GRID, 4);
    expect(data.every((value) => value === 0)).toBe(true);
  });
});

describe('components', () => {
  // Two diagonal neighbours; apart from them a bar of three voxels of the same class; one voxel of another class.
  const shape = [5, 4, 2] as const;
  const data = new Uint8Array(40);
  for (const [x, y, z] of [
    [0, 0, 0],
    [1, 1, 1],
    [2, 3, 0],
    [3, 3, 0],
    [4, 3, 0],
  ])
    data[x! + 5 * (y! + 4 * z!)] = 1;
  data[4] = 2;

  test('voxels that share a corner are connected by 26 neighbours, not by 6', () => {
    const sizes = (connectivity: 6 | 26) =>
      connectedComponents(data, shape, connectivity).map((c) => [c.label, c.voxels]);
    expect(sizes(26)).toEqual([
      [1, 2],
      [2, 1],
      [1, 3],
    ]);
    expect(sizes(6)).toEqual([
      [1, 1],
      [2, 1],
      [1, 3],
      [1, 1],
    ]);
  });

  test('finds the largest component of a class, and none of an absent class', () => {
    const components = connectedComponents(data, shape);
    expect(largestComponent(components, 1)).toEqual({ label: 1, voxels: 3, centroid: [3, 3, 0] });
    expect(largestComponent(components, 3)).toBeUndefined();
  });

  test('the end of a row is not connected to the start of the next', () => {
    const map = new Uint8Array(40);
    map[4] = map[5] = 1;
    expect(connectedComponents(map, shape)).toHaveLength(2);
  });

  test('every foreground voxel is in exactly one component', () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 0, max: 2, minLength: 60, maxLength: 60 }), (map) => {
        const components = connectedComponents(map, [3, 4, 5], 6);
        for (const label of [1, 2]) {
          const total = components.filter((c) => c.label === label).reduce((sum, c) => sum + c.voxels, 0);
          expect(total).toBe(map.filter((value) => value === label).length);
        }
      }),
    );
  });
});

test('a landmark is decoded from its largest component', () => {
  const map = paintLandmarks([{ label: 1, position: apply(GRID.affine, [10, 10, 10]) }], GRID, 4);
  map.data[voxel(30, 30, 30)] = 1;
  expect(distance(decodeLandmarks(map, 1)[0]?.position as Vec3, apply(GRID.affine, [10, 10, 10]))).toBeLessThan(1e-9);
});

test('a decoded landmark says which share of its class it comes from', () => {
  const data = new Uint8Array(GRID.shape[0] * GRID.shape[1] * GRID.shape[2]);
  for (const x of [5, 6, 7]) data[voxel(x, 5, 5)] = 1;
  data[voxel(20, 20, 20)] = 1;
  for (const x of [5, 6]) data[voxel(x, 12, 5)] = 2;

  const [one, two, none] = decodeLandmarks({ ...GRID, data }, 3);

  expect([one?.share, two?.share, none?.share]).toEqual([0.75, 1, undefined]);
});

test('the volume of a class map is that of all its foreground voxels in mm³', () => {
  const data = Uint8Array.from([1, 1, 0, 2, 1, 0, 0, 0]);
  const mask: Volume = {
    shape: [2, 2, 2],
    affine: affineOf([
      [-0.5, 0, 0, 0],
      [0, 0, 2, 0],
      [0, 3, 0, 0],
    ]),
    data,
  };
  expect(foregroundVolume(mask)).toBe(12);
  expect(foregroundVolume({ ...mask, affine: IDENTITY, data: new Uint8Array(8) })).toBe(0);
});

describe('Dice', () => {
  const a = Uint8Array.from([1, 1, 1, 0, 2]);
  test('is twice the intersection over the sum', () => expect(dice(a, Uint8Array.from([1, 0, 1, 1, 1]))).toBe(4 / 7));
  test('is that of the given class', () => expect(dice(a, Uint8Array.from([0, 0, 0, 0, 2]), 2)).toBe(1));
  test('is 0 if only one mask has the class', () => expect(dice(a, new Uint8Array(5))).toBe(0));
  test('is null if neither mask has the class', () => expect(dice(a, a, 3)).toBeNull());
  test('refuses masks of different sizes', () => expect(() => dice(a, new Uint8Array(4))).toThrow(/5 and 4 voxels/));
});

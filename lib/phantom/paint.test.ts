import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Grid } from '../imaging/volume.ts';
import { type Frame, rotatedAxes } from './frame.ts';
import { scanGrid } from './grid.ts';
import { cover, paint, type Structure } from './paint.ts';
import { ellipsoid, tube } from './solids.ts';

const frame = (scale = 1): Frame => ({ origin: [3, -4, 5], axes: rotatedAxes([10, -14, 7]), scale });
const volumeOf = (grid: Grid, voxelMm3: number, structure: Structure): number => {
  let sum = 0;
  cover(grid, structure, (_, share) => {
    sum += share;
  });
  return sum * voxelMm3;
};

test.each(['LPS', 'RAS', 'PSR', 'SAL'])(
  'the covered volume is that of the solid on a grid of axes %s',
  (orientation) => {
    const grid = scanGrid([0, 0, 0], 60, orientation, 1.5, 2);
    const structure = { ...ellipsoid([0, 0, 0], [9, 12, 15]), frame: frame(1.2) };
    const exact = (4 / 3) * Math.PI * 9 * 12 * 15 * 1.2 ** 3;
    expect(volumeOf(grid, 1.5 * 1.5 * 2, structure) / exact).toBeCloseTo(1, 2);
  },
);

test('a sheet thinner than a voxel keeps its volume in any orientation', () => {
  const grid = scanGrid([0, 0, 0], 60, 'LPS', 1.5, 1.5);
  const box = { min: [-100, -100, -100], max: [100, 100, 100] } as const;
  const structure = {
    distance: (_x: number, _y: number, z: number) => Math.abs(z),
    box,
    frame: frame(),
    sheetThickness: 0.8,
  };
  const slope = structure.frame.axes[2][2];
  expect(volumeOf(grid, 1.5 ** 3, structure) / ((60 * 60 * 0.8) / slope)).toBeCloseTo(1, 2);
});

test('a solid ends at its box', () => {
  const grid = scanGrid([0, 0, 0], 60, 'LPS', 1, 1);
  const half = { min: [-5, -5, 0], max: [5, 5, 5] } as const;
  const structure = {
    ...ellipsoid([0, 0, 0], [5, 5, 5]),
    box: half,
    frame: { ...frame(), axes: rotatedAxes([0, 0, 0]) },
  };
  const hemisphere = (2 / 3) * Math.PI * 5 ** 3;
  // Where the cut misses voxel centres it is a voxel thick: up to half a voxel more on the disc.
  expect(volumeOf(grid, 1, structure)).toBeGreaterThan(hemisphere * 0.97);
  expect(volumeOf(grid, 1, structure)).toBeLessThan(hemisphere + Math.PI * 25);
});

test('shares are between 0 and 1, and every voxel is visited once', () => {
  const grid = scanGrid([0, 0, 0], 30, 'RAS', 1.5, 2);
  const coordinate = fc.double({ min: -20, max: 20, noNaN: true });
  const knot = fc.tuple(coordinate, coordinate, coordinate, fc.double({ min: 0.5, max: 6, noNaN: true }));
  fc.assert(
    fc.property(knot, knot, (a, b) => {
      fc.pre(Math.abs(a[0] - b[0]) > 0.1);
      const seen = new Set<number>();
      cover(grid, { ...tube([a, b]), frame: frame() }, (index, share) => {
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(seen.has(index)).toBe(false);
        seen.add(index);
      });
    }),
    { numRuns: 20 },
  );
});

test('paint replaces the voxels that a structure fills and mixes those it fills partly', () => {
  const grid = scanGrid([0, 0, 0], 20, 'RAS', 1, 1);
  const image = new Float32Array(8000).fill(-100);
  const structure = { ...ellipsoid([0, 0, 0], [6.2, 6.2, 6.2]), frame: { ...frame(), origin: [0, 0, 0] as const } };
  paint(grid, image, structure, 300);
  const at = (x: number, y: number, z: number) => image[x + 20 * (y + 20 * z)]!;
  expect(at(10, 10, 10)).toBe(300);
  expect(at(0, 0, 0)).toBe(-100);
  const share = 0.5 - (Math.hypot(6.5, 0.5, 0.5) - 6.2);
  expect(at(16, 10, 10)).toBeCloseTo(-100 + 400 * share, 3);
});

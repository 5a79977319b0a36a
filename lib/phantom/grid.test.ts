import { expect, test } from 'vitest';
import { centreOf } from '../imaging/affine.ts';
import { orientationOf } from '../imaging/orientation.ts';
import { scanGrid } from './grid.ts';

test.each(['LPS', 'RAS', 'PSR', 'RPS', 'LAS'])(
  'the grid has axes %s, slices across the body, and the requested centre',
  (code) => {
    const grid = scanGrid([12, -140, -700], 96, code, 1.5, 2);
    expect(orientationOf(grid.affine)).toBe(code);
    const slices = code.search(/[SI]/);
    expect(grid.shape).toEqual([0, 1, 2].map((axis) => (axis === slices ? 48 : 64)));
    const centre = centreOf(grid);
    expect(Math.hypot(centre[0] - 12, centre[1] + 140, centre[2] + 700)).toBeLessThan(1e-3);
  },
);

test('every entry of the matrix is a float32, so that a NIfTI header keeps it', () => {
  const { affine } = scanGrid([12.34567, -140.1, -700.7], 96, 'LPS', 1.57, 1.93);
  for (const row of affine) for (const entry of row) expect(Math.fround(entry)).toBe(entry);
});

import { expect, test } from 'vitest';
import { centreOf } from '../imaging/affine.ts';
import { orientationOf } from '../imaging/orientation.ts';
import { scanGrid } from './grid.ts';

test.each(['LPS', 'RAS', 'PSR', 'RPS', 'LAS'])(
  'axes %s, slices across the body, the centre where it was asked for',
  (code) => {
    const grid = scanGrid([12, -140, -700], 96, code, 1.5, 2);
    expect(orientationOf(grid.affine)).toBe(code);
    const slices = code.search(/[SI]/);
    expect(grid.shape).toEqual([0, 1, 2].map((axis) => (axis === slices ? 48 : 64)));
    const centre = centreOf(grid);
    expect(Math.hypot(centre[0] - 12, centre[1] + 140, centre[2] + 700)).toBeLessThan(1e-3);
  },
);

test('the matrix survives a NIfTI header: every entry is a float32', () => {
  const { affine } = scanGrid([12.34567, -140.1, -700.7], 96, 'LPS', 1.57, 1.93);
  for (const row of affine) for (const entry of row) expect(Math.fround(entry)).toBe(entry);
});

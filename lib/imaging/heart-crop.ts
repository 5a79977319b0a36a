import { affineOf, apply, invert, spacingOf } from './affine.ts';
import { heartEvidence } from './heart-evidence.ts';
import type { Grid, Vec3, Volume } from './volume.ts';

/**
 * Least evidence of a heart: thick blood, lung on each side, and share of the thick blood that is in one place. See
 * docs/decisions/024 for the margins on real CTs.
 */
const LEAST = { bloodMl: 30, lungMl: 100, share: 0.7 } as const;

/**
 * World position (RAS, mm) of the heart in a contrast CT, accurate to a few centimetres, which is enough for cropping.
 * Null if unsure: without contrast in the chambers, without a lung on each side, or with as much blood elsewhere.
 */
export function heartCentre(ct: Volume): Vec3 | null {
  const found = heartEvidence(ct);
  const isSure = found && found.bloodMl >= LEAST.bloodMl && found.lungMl >= LEAST.lungMl && found.share >= LEAST.share;
  return isSure ? found.centre : null;
}

/** Whether a grid of cubic voxels is at most `sideMm` long along every axis, up to a part of a voxel. */
export const isWithin = ({ shape, affine }: Grid, sideMm: number): boolean =>
  shape.every((count) => count <= Math.ceil(sideMm / spacingOf(affine)[0]));

/**
 * The cube of `sideMm` around the heart as a part of an isotropic grid, on the grid's own voxels. An axis that is not
 * longer than that is kept whole. If no heart is found, the whole grid is kept, because half a heart is worse than a
 * large volume; {@link isWithin} tells so.
 */
export function cropToHeart(ct: Volume, grid: Grid, sideMm: number): Grid {
  const side = Math.ceil(sideMm / spacingOf(grid.affine)[0]);
  const centre = isWithin(grid, sideMm) ? null : heartCentre(ct);
  if (!centre) return grid;
  const middle = apply(invert(grid.affine), centre);
  const first = ([0, 1, 2] as const).map((axis) =>
    Math.max(0, Math.min(grid.shape[axis] - side, Math.round(middle[axis] - (side - 1) / 2))),
  ) as unknown as Vec3;
  const origin = apply(grid.affine, first);
  return {
    shape: grid.shape.map((voxels) => Math.min(voxels, side)) as unknown as Vec3,
    affine: affineOf(grid.affine.slice(0, 3).map((row, axis) => [...row.slice(0, 3), origin[axis] as number])),
  };
}

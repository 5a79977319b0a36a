import { FedcardioError } from '../error.ts';
import type { Affine, Grid, Vec3 } from './volume.ts';

/** The affine of a grid with 1 mm spacing, RAS axes and voxel (0, 0, 0) at the origin. */
export const IDENTITY: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
];

/** The iteration converges quadratically; far fewer steps are needed for the shear of any gantry. */
const NEWTON_STEPS = 12;

/** An affine from its upper three rows. */
export const affineOf = (rows: readonly (readonly number[])[]): Affine =>
  [...rows.slice(0, 3).map((row) => row.slice(0, 4)), [0, 0, 0, 1]] as unknown as Affine;

/** The product a · b, which applies b first. */
export function multiply(a: Affine, b: Affine): Affine {
  const row = (r: 0 | 1 | 2 | 3) =>
    [0, 1, 2, 3].map(
      (c) => a[r][0] * b[0][c as 0] + a[r][1] * b[1][c as 0] + a[r][2] * b[2][c as 0] + a[r][3] * b[3][c as 0],
    );
  return affineOf([row(0), row(1), row(2)]);
}

/** Determinant of the upper left 3×3 block: the signed volume of a voxel, mm³. */
export function determinant([[a, b, c], [d, e, f], [g, h, i]]: Affine): number {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/**
 * The inverse, by cofactors.
 *
 * @throws BAD_IMAGE for a singular affine
 */
export function invert(affine: Affine): Affine {
  const det = determinant(affine);
  if (!Number.isFinite(det) || det === 0) {
    throw new FedcardioError('BAD_IMAGE', 'The voxel axes do not span a volume (singular affine).');
  }
  const [[a, b, c, x], [d, e, f, y], [g, h, i, z]] = affine;
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((cofactor) => cofactor / det));
  return affineOf(rows.map(([p = 0, q = 0, r = 0]) => [p, q, r, -(p * x + q * y + r * z)]));
}

/** affine · (point, 1). A volume's affine maps voxel indices to world coordinates (RAS, mm). */
export function apply(affine: Affine, [x, y, z]: Vec3): Vec3 {
  const [[a, b, c, d], [e, f, g, h], [i, j, k, l]] = affine;
  return [a * x + b * y + c * z + d, e * x + f * y + g * z + h, i * x + j * y + k * z + l];
}

/** Column `axis` of the upper left 3×3 block: the world vector from one voxel to the next along that axis, mm. */
export const column = (affine: Affine, axis: 0 | 1 | 2): Vec3 => [affine[0][axis], affine[1][axis], affine[2][axis]];

/** Distance between neighbouring voxel centres along x, y and z, mm. */
export function spacingOf(affine: Affine): Vec3 {
  return [Math.hypot(...column(affine, 0)), Math.hypot(...column(affine, 1)), Math.hypot(...column(affine, 2))];
}

/**
 * The affine with the same spacing and perpendicular axes that is nearest to this one: its directions are replaced by
 * the orthogonal factor of their polar decomposition (Newton's iteration: Higham, 1986).
 *
 * @throws BAD_IMAGE for a singular affine
 */
export function withoutShear(affine: Affine): Affine {
  const spacing = spacingOf(affine);
  const rows = affine.slice(0, 3);
  let directions = affineOf(rows.map((row) => [...spacing.map((size, axis) => (row[axis] as number) / size), 0]));
  for (let i = 0; i < NEWTON_STEPS; i += 1) {
    const inverse = invert(directions);
    directions = affineOf(
      ([0, 1, 2] as const).map((r) =>
        ([0, 1, 2] as const).map((c) => (directions[r][c] + inverse[c][r]) / 2).concat(0),
      ),
    );
  }
  return affineOf(
    rows.map((row, r) => [...spacing.map((size, axis) => size * (directions[r]?.[axis] as number)), row[3]]),
  );
}

export const voxelsOf = ([nx, ny, nz]: Vec3): number => nx * ny * nz;

/** World position (RAS, mm) of the centre of the grid. */
export const centreOf = ({ affine, shape: [nx, ny, nz] }: Grid): Vec3 =>
  apply(affine, [(nx - 1) / 2, (ny - 1) / 2, (nz - 1) / 2]);

/** Whether a world point lies in the grid. The grid ends at the outer faces of its outermost voxels. */
export function contains(grid: Grid, point: Vec3): boolean {
  return apply(invert(grid.affine), point).every(
    (index, axis) => index >= -0.5 && index <= (grid.shape[axis] as number) - 0.5,
  );
}

/** Largest distance between corresponding voxels of two grids of one shape, mm. It is reached at a corner. */
export function largestShift(a: Grid, b: Grid): number {
  const ends = a.shape.map((side) => [0, side - 1]) as unknown as readonly [number[], number[], number[]];
  const shifts = ends[0].flatMap((x) =>
    ends[1].flatMap((y) =>
      ends[2].map((z) => {
        const [p, q] = [apply(a.affine, [x, y, z]), apply(b.affine, [x, y, z])];
        return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
      }),
    ),
  );
  return Math.max(...shifts);
}

/**
 * Whether two grids have the same shape and voxel positions. The default tolerance of 0.1 mm allows for quaternions in
 * single precision and is smaller than any voxel of a cardiac CT.
 */
export const sameGrid = (a: Grid, b: Grid, toleranceMm = 0.1): boolean =>
  a.shape.every((side, axis) => side === b.shape[axis]) && largestShift(a, b) <= toleranceMm;

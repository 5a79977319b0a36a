import type { FedcardioError } from '../error.ts';
import { affineOf } from '../imaging/affine.ts';
import type { Grid, Vec3 } from '../imaging/volume.ts';
import type { DicomHeader } from './header.ts';
import { EXPORT_AGAIN, refusal } from './refusal.ts';
import { cross, dot, subtract } from './vectors.ts';

/**
 * Largest distance of a slice from its place in an equally spaced stack, mm. Positions that were rounded to tenths of a
 * millimetre are at most 0.05 mm off.
 */
const MAX_SHIFT_MM = 0.06;
/** Direction cosines that differ by less are one orientation: some systems round them to three digits. */
const MAX_COSINE_DIFFERENCE = 0.002;
/** A gap of less than this share of the distance is the same position twice. */
const DUPLICATE_SHARE = 0.1;
/** Fewer slices have no distance that another gap could confirm. */
const MIN_SLICES = 3;
const MIN_TILT_DEGREES = 0.5;

/** A slice whose header has all that places it. */
export type PlacedHeader = DicomHeader & {
  readonly position: readonly number[];
  readonly orientation: readonly number[];
  readonly spacing: readonly number[];
};

/** Slices in order, and the grid of their voxels: (column, row, slice) to world coordinates (RAS, mm). */
export interface Stack<T> {
  readonly slices: readonly T[];
  readonly grid: Grid;
  /** Position of the first voxel of each slice without rounding errors, and the orientation of all (LPS, as in DICOM). */
  readonly positions: readonly Vec3[];
  readonly row: Vec3;
  readonly column: Vec3;
}

/** Whether the planes of two slices are parallel. */
export const isSameOrientation = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((cosine, index) => Math.abs(cosine - (b[index] as number)) <= MAX_COSINE_DIFFERENCE);

/**
 * Orders slices of one orientation and size along their normal, and requires that they fill a box: equal steps along the
 * normal, none missing, none twice, none shifted sideways.
 *
 * @throws BAD_IMAGE with the reason in a radiographer's words
 */
export function stackOf<T extends { readonly header: PlacedHeader }>(slices: readonly T[]): Stack<T> {
  const [first] = slices as readonly [T, ...T[]];
  const { row, column, normal } = directionsOf(first.header.orientation);
  requireUpright(slices);
  const along = (slice: T) => dot(normal, slice.header.position);
  const ordered = slices.toSorted((a, b) => along(a) - along(b));
  const steps = ordered.slice(1).map((slice, index) => along(slice) - along(ordered[index] as T));
  requireEqualSteps(steps);
  const start = centredStart(ordered, normal);
  const end = along(ordered.at(-1) as T) - along(ordered[0] as T);
  const step = end / (ordered.length - 1);
  requireStraight(ordered, normal);
  const positions = ordered.map(
    (_, index) => start.map((value, axis) => value + index * step * normal[axis as 0]) as unknown as Vec3,
  );
  const [rowDistance = 0, columnDistance = 0] = first.header.spacing;
  return { slices: ordered, positions, row, column, grid: gridOf() };

  function gridOf(): Grid {
    const scaled = [row, column, normal].map((axis, index) => {
      const size = [columnDistance, rowDistance, step][index] as number;
      return axis.map((value) => value * size);
    });
    const rows = [0, 1, 2].map((axis) => {
      // DICOM's x and y point to the patient's left and back, NIfTI's to the right and front.
      const sign = axis < 2 ? -1 : 1;
      // Adding 0 turns -0 into 0.
      return [...scaled.map((vector) => sign * (vector[axis] as number) + 0), sign * (start[axis] as number) + 0];
    });
    return { shape: [first.header.columns, first.header.rows, ordered.length], affine: affineOf(rows) };
  }
}

/** Row, column and normal of a plane, made exactly perpendicular. */
function directionsOf(orientation: readonly number[]): {
  readonly row: Vec3;
  readonly column: Vec3;
  readonly normal: Vec3;
} {
  const row = orientation.slice(0, 3) as unknown as Vec3;
  const column = orientation.slice(3) as unknown as Vec3;
  const isUnit = (vector: Vec3) => Math.abs(Math.hypot(...vector) - 1) < 0.01;
  if (!isUnit(row) || !isUnit(column) || Math.abs(dot(row, column)) > 0.01) {
    throw refusal('The directions of its rows and columns contradict each other.', EXPORT_AGAIN);
  }
  const unitRow = unit(row);
  const normal = unit(cross(unitRow, column));
  return { row: unitRow, column: cross(normal, unitRow), normal };
}

const unit = (vector: Vec3): Vec3 => vector.map((value) => value / Math.hypot(...vector)) as unknown as Vec3;

function requireUpright<T extends { readonly header: PlacedHeader }>(slices: readonly T[]): void {
  const tilt = Math.max(...slices.map(({ header }) => Math.abs(header.tilt ?? 0)));
  if (tilt >= MIN_TILT_DEGREES) throw tilted(tilt);
}

const tilted = (degrees: number): FedcardioError =>
  refusal(
    `It was scanned with a gantry tilted by ${degrees.toFixed(1)}°, so that its slices are not stacked upright.`,
    'Reconstruct the series without tilt at the scanner or workstation (an axial MPR), and export that.',
  );

function requireEqualSteps(steps: readonly number[]): void {
  const count = steps.length + 1;
  const total = steps.reduce((sum, step) => sum + step, 0);
  const middle = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const doubled = steps.filter((step) => step < Math.max(DUPLICATE_SHARE * middle, 1e-3)).length;
  if (doubled > 0) {
    throw refusal(
      `${doubled === 1 ? 'One slice position is' : `${doubled} slice positions are`} there twice, with different images.`,
      'Export one reconstruction and one heart phase as a series of its own, each slice once.',
    );
  }
  if (count < MIN_SLICES) throw refusal(`It has only ${count} slices.`, 'Export the whole series.');
  const step = total / steps.length;
  let place = 0;
  const isEqual = steps.every((size, index) => {
    place += size;
    return Math.abs(place - (index + 1) * step) <= Math.min(MAX_SHIFT_MM, step / 10);
  });
  if (isEqual) return;
  const missing = steps.reduce((sum, size) => sum + Math.round(size / middle) - 1, 0);
  const isMultiple = steps.every((size) => Math.abs(size / middle - Math.round(size / middle)) < DUPLICATE_SHARE);
  if (isMultiple && missing > 0) {
    throw refusal(
      `${missing === 1 ? 'A slice is' : `${missing} slices are`} missing: ${count} slices ${mm(middle)} mm apart leave ${missing === 1 ? 'a gap' : 'gaps'}.`,
      'Send the whole series from the scanner to the PACS again if it lacks them there; then export it again.',
    );
  }
  throw refusal(
    `Its slices are not equally spaced: their distances are from ${mm(Math.min(...steps))} to ${mm(Math.max(...steps))} mm.`,
    'Reconstruct the series with one slice distance, and export that.',
  );
}

const mm = (value: number): string => String(Number(value.toFixed(2)));

/** Requires that slices lie one above the other: a slanted stack is a tilted gantry, and others have been shifted. */
function requireStraight<T extends { readonly header: PlacedHeader }>(ordered: readonly T[], normal: Vec3): void {
  const offsets = ordered.map(({ header }) =>
    sideways(subtract(header.position, (ordered[0] as T).header.position), normal),
  );
  const last = offsets.at(-1) as Vec3;
  const height = Math.abs(
    dot(normal, subtract((ordered.at(-1) as T).header.position, (ordered[0] as T).header.position)),
  );
  const slant = (Math.atan2(Math.hypot(...last), height) * 180) / Math.PI;
  const isSlanted = Math.hypot(...last) > 2 * MAX_SHIFT_MM + MAX_COSINE_DIFFERENCE * height;
  const strays = offsets.filter((offset, index) => {
    const expected = last.map((value) => (value * index) / (offsets.length - 1));
    return Math.hypot(...subtract(offset, expected)) > 4 * MAX_SHIFT_MM;
  });
  if (strays.length > 0) {
    throw refusal(
      'Its slices are shifted sideways against each other.',
      'Reconstruct the series with one field of view for all slices, and export that.',
    );
  }
  if (isSlanted) throw tilted(slant);
}

const sideways = (vector: Vec3, normal: Vec3): Vec3 =>
  vector.map((value, axis) => value - dot(vector, normal) * (normal[axis] as number)) as unknown as Vec3;

/** The first position as the line through all slices says: single positions are rounded. */
function centredStart<T extends { readonly header: PlacedHeader }>(ordered: readonly T[], normal: Vec3): Vec3 {
  const first = (ordered[0] as T).header.position;
  const middle = [0, 1, 2].map(
    (axis) => ordered.reduce((sum, { header }) => sum + (header.position[axis] as number), 0) / ordered.length,
  ) as unknown as Vec3;
  const half = dot(normal, subtract((ordered.at(-1) as T).header.position, first)) / 2;
  const centred = middle.map((value, axis) => value - half * (normal[axis] as number)) as unknown as Vec3;
  // A start that was not rounded is kept to the last digit.
  return Math.hypot(...subtract(centred, first)) < 1e-4 ? (first as unknown as Vec3) : centred;
}

import type { FedcardioError } from '../error.ts';
import { affineOf } from '../imaging/affine.ts';
import type { Grid, Vec3 } from '../imaging/volume.ts';
import type { DicomHeader } from './header.ts';
import { EXPORT_AGAIN, refusal } from './refusal.ts';
import { cross, dot, subtract } from './vectors.ts';

/**
 * Largest distance of a slice from its place in an equally spaced stack, mm. Positions that were rounded to tenths of a
 * millimetre are 0.05 mm off, and a line that was fitted to few of them a little more.
 */
const MAX_SHIFT_MM = 0.08;
/** The same, as a share of the slice distance. */
const MAX_SHIFT_SHARE = 0.2;
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
  const step = equalStep(ordered.map(along));
  requireStraight(ordered, normal);
  const start = startOf(ordered, normal, step);
  const positions = ordered.map(
    (_, index) => start.map((value, axis) => value + index * step * (normal[axis] as number)) as unknown as Vec3,
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

/** The distance of slices at these heights, as a line through all of them says, mm. */
function equalStep(heights: readonly number[]): number {
  const count = heights.length;
  const steps = heights.slice(1).map((height, index) => height - (heights[index] as number));
  const middle = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const doubled = steps.filter((step) => step < Math.max(DUPLICATE_SHARE * middle, 1e-3)).length;
  if (doubled > 0) {
    throw refusal(
      `${doubled === 1 ? 'One slice position is' : `${doubled} slice positions are`} there twice, with different images.`,
      'Export one reconstruction and one heart phase as a series of its own, each slice once.',
    );
  }
  if (count < MIN_SLICES) throw refusal(`It has only ${count} slices.`, 'Export the whole series.');
  const { slope, start } = line(heights);
  const limit = Math.min(MAX_SHIFT_MM, MAX_SHIFT_SHARE * slope);
  if (heights.every((height, index) => Math.abs(height - (start + index * slope)) <= limit)) return slope;
  throw unequal(steps, middle);
}

/** The line through equally spaced values, by least squares. */
function line(values: readonly number[]): { readonly start: number; readonly slope: number } {
  const centre = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const products = values.map((value, index) => (index - centre) * (value - mean));
  const squares = values.map((_, index) => (index - centre) ** 2);
  const sum = (terms: readonly number[]) => terms.reduce((total, term) => total + term, 0);
  const slope = sum(products) / sum(squares);
  return { slope, start: mean - centre * slope };
}

/** Says whether slices are missing or lie at irregular distances. */
function unequal(steps: readonly number[], middle: number): FedcardioError {
  const missing = steps.reduce((sum, size) => sum + Math.round(size / middle) - 1, 0);
  const isMultiple = steps.every((size) => Math.abs(size / middle - Math.round(size / middle)) < MAX_SHIFT_SHARE);
  if (isMultiple && missing > 0) {
    const [what, gaps] = missing === 1 ? ['A slice is', 'a gap'] : [`${missing} slices are`, 'gaps'];
    return refusal(
      `${what} missing: its ${steps.length + 1} slices ${mm(middle)} mm apart leave ${gaps}.`,
      'Look whether the PACS has all slices; if not, send the series from the scanner again. Then export it again.',
    );
  }
  const [least, most] = [mm(Math.min(...steps)), mm(Math.max(...steps))];
  return refusal(
    `Its slices are not equally spaced: neighbours are from ${least} to ${most} mm apart.`,
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

/** The first position, as the line through all slices says: single positions are rounded. */
function startOf<T extends { readonly header: PlacedHeader }>(ordered: readonly T[], normal: Vec3, step: number): Vec3 {
  const first = (ordered[0] as T).header.position;
  const half = ((ordered.length - 1) / 2) * step;
  const start = [0, 1, 2].map((axis) => {
    const sum = ordered.reduce((total, { header }) => total + (header.position[axis] as number), 0);
    return sum / ordered.length - half * (normal[axis] as number);
  }) as unknown as Vec3;
  // A position that was not rounded is kept to the last digit.
  return Math.hypot(...subtract(start, first)) < 1e-4 ? (first as unknown as Vec3) : start;
}

import { readFileSync } from 'node:fs';
import { affineOf, apply, sameGrid, spacingOf } from '../imaging/affine.ts';
import { readNifti } from '../imaging/nifti-read.ts';
import type { Affine, Grid, Vec3 } from '../imaging/volume.ts';
import { runDcm2niix } from './dcm2niix.ts';
import { type Frame, frameOf } from './frame.ts';
import { parseFile, startOf } from './parse.ts';
import { CUT_OFF, refusal } from './refusal.ts';
import { sliceFile } from './slice-file.ts';

/** One slice of a stack: its file, and the meaning of its values: slope · stored + intercept, HU. */
export interface SliceOrder {
  readonly path: string;
  readonly bitsStored: number;
  /** Centre of the first voxel (LPS, mm). */
  readonly position: Vec3;
  readonly slope: number;
  readonly intercept: number;
}

/** A stack to decode, as {@link stackOf} ordered it. All slices have one size and are signed or not. */
export interface StackOrder {
  readonly slices: readonly SliceOrder[];
  readonly grid: Grid;
  readonly row: Vec3;
  readonly column: Vec3;
  readonly signed: boolean;
}

/** Values of one slice as stored. */
export type StoredValues = Int16Array | Uint16Array;

/** NIfTI's affine is in float32, which is exact to this within a metre of the origin, mm. */
const TOLERANCE_MM = 0.002;

/**
 * Stored values of the slices `from` to `to` (exclusive), each with its rows from the last to the first.
 *
 * @throws BAD_IMAGE if a file is damaged, or if dcm2niix disagrees with the stack about size, affine or a voxel
 */
export async function decodeChunk(stack: StackOrder, from: number, to: number): Promise<readonly StoredValues[]> {
  const frames = stack.slices.slice(from, to).map((slice) => readFrame(slice, stack));
  const volume = readNifti(await runDcm2niix(frames.map((frame, index) => fileOf(stack, frame, from + index))));
  const { data } = volume;
  const [nx, ny] = stack.grid.shape;
  const grid: Grid = { shape: [nx, ny, to - from], affine: startingAt(stack.grid.affine, from) };
  const axes = FLIPS.find((flips) => sameGrid({ ...grid, affine: flipped(grid, flips) }, volume, TOLERANCE_MM));
  if (!axes || !(data instanceof Int16Array || data instanceof Uint16Array)) throw disagreement();
  return frames.map((frame, index) => {
    const z = axes.includes(2) ? to - from - 1 - index : index;
    const slice = data.subarray(z * nx * ny, (z + 1) * nx * ny);
    const values = axes.includes(1) ? slice : rowsReversed(slice, nx);
    const isRight =
      frame.kind === 'values'
        ? isSame(rowsReversed(frame.values, nx), values)
        : isWithin(values, (stack.slices[from + index] as SliceOrder).bitsStored, stack.signed);
    if (!isRight) throw disagreement();
    return values;
  });
}

/** Axes along which dcm2niix may run against the stack. */
const FLIPS: readonly (readonly (1 | 2)[])[] = [[1], [], [1, 2], [2]];

const disagreement = () =>
  refusal(
    'Two ways to read its images disagree about voxels or positions.',
    'Export the series again, uncompressed (Explicit VR Little Endian). If that does not help, report it to the makers of fedcardio.',
  );

function readFrame({ path, bitsStored }: SliceOrder, { grid, signed }: StackOrder): Frame {
  const bytes = readFileSync(path);
  const start = startOf(bytes);
  const parsed = start === undefined ? undefined : parseFile(bytes, start);
  if (!parsed || parsed.isDamaged) throw CUT_OFF;
  const format = { voxels: grid.shape[0] * grid.shape[1], bitsStored, signed };
  return frameOf(parsed.dataSet, parsed.transferSyntax, format);
}

function fileOf({ slices, grid, row, column, signed }: StackOrder, frame: Frame, index: number): Uint8Array {
  const { bitsStored, position } = slices[index] as SliceOrder;
  const [columns, rows] = grid.shape;
  const [columnDistance, rowDistance, step] = spacingOf(grid.affine);
  const place = { index, position, row, column, spacing: [rowDistance, columnDistance], step };
  return sliceFile({ ...place, rows, columns, bitsStored, signed }, frame);
}

/** The affine of a grid whose first slice is another one. */
const startingAt = (affine: Affine, slice: number): Affine => {
  const origin = apply(affine, [0, 0, slice]);
  return affineOf(affine.slice(0, 3).map((row, axis) => [...row.slice(0, 3), origin[axis] as number]));
};

/** The affine of a grid that runs along these axes from its other end. */
export function flipped({ shape, affine }: Grid, axes: readonly (1 | 2)[]): Affine {
  const corner = shape.map((side, axis) => (axes.includes(axis as 1) ? side - 1 : 0)) as unknown as Vec3;
  const origin = apply(affine, corner);
  const signs = [0, 1, 2].map((axis) => (axes.includes(axis as 1) ? -1 : 1));
  return affineOf(
    affine.slice(0, 3).map((row, r) => [...signs.map((sign, c) => sign * (row[c] as number) + 0), origin[r] as number]),
  );
}

function rowsReversed<T extends StoredValues>(values: T, columns: number): T {
  const result = values.slice() as T;
  for (let at = 0; at < values.length; at += columns) {
    result.set(values.subarray(at, at + columns), values.length - columns - at);
  }
  return result;
}

/** Compares numbers, not bytes: dcm2niix may store small unsigned numbers as signed ones. */
const isSame = (a: StoredValues, b: StoredValues): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** Whether values have the bits that their header declares. A decoder that fails often leaves others. */
function isWithin(values: StoredValues, bits: number, signed: boolean): boolean {
  const [least, most] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  return values.every((value) => value >= least && value <= most);
}

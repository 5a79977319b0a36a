import { type WindowPart, windowsAtATime } from '../nn/attention.ts';
import { type RowMap, rowMap } from '../nn/rows.ts';
import { tf } from '../nn/tf.ts';
import type { Corner } from './corners.ts';

/** Batch, z, y, x. Rows of a token matrix are in this order, x fastest. */
export type Grid = readonly [number, number, number, number];
type Triple = readonly [number, number, number];

/** Rearranges the tokens of a grid into attention windows and back. */
export interface Windows {
  /** Tokens per window. */
  readonly tokens: number;
  readonly partition: RowMap;
  readonly reverse: RowMap;
  /** All windows, in the order of their masks, so that few parts need a mask per window. */
  readonly parts: readonly WindowPart[];
}

/**
 * Windows of a grid as in MONAI's Swin transformer. A window is no larger than the grid. A grid whose sides are not
 * multiples of the window is padded with zeros at the end. Shifted windows wrap around and are masked. Axes that one
 * window covers are not shifted.
 *
 * @param heads of the attention; sets the size of the parts
 */
export function createWindows(grid: Grid, window: number, heads: number, shifted: boolean): Windows {
  const [batch, ...sides] = grid;
  const size = sides.map((side) => Math.min(side, window)) as unknown as Triple;
  const shift = sides.map((side) => (shifted && side > window ? window >> 1 : 0)) as unknown as Triple;
  const counts = sides.map((side, axis) => Math.ceil(side / size[axis]!)) as unknown as Triple;
  const tokens = size[0] * size[1] * size[2];
  const windows = orderedWindows(batch, counts, shift);
  const source = batch * sides[0] * sides[1] * sides[2];
  const partition = new Int32Array(windows.length * tokens);
  const reverse = new Int32Array(source);
  let row = 0;
  for (const { b, corner } of windows) {
    each(size, (offset) => {
      const voxel = corner.map((index, axis) => {
        return (index * size[axis]! + offset[axis]! + shift[axis]!) % (counts[axis]! * size[axis]!);
      }) as unknown as Triple;
      const inside = voxel.every((v, axis) => v < sides[axis]!);
      const index = inside ? ((b * sides[0] + voxel[0]) * sides[1] + voxel[1]) * sides[2] + voxel[2] : -1;
      partition[row] = index;
      if (inside) reverse[index] = row;
      row++;
    });
  }
  return {
    tokens,
    partition: rowMap(partition, source),
    reverse: rowMap(reverse, windows.length * tokens),
    parts: windowParts(
      windows.map(({ seams }) => seams),
      windowsAtATime(heads, tokens),
      (seams) => seamMask(seams, size, shift),
    ),
  };
}

/** Frees a grid's index tables. */
export function disposeWindows({ partition, reverse, parts }: Windows): void {
  partition.dispose();
  reverse.dispose();
  for (const { mask } of parts) mask?.dispose();
}

/**
 * The axes along which a window has tokens of both ends of the grid, as three bits: in the last shifted window the
 * tokens behind the seam come from the front.
 */
type Seams = number;

/** Case, position and seams of every window, in the order of the seams. */
function orderedWindows(batch: number, counts: Triple, shift: Triple) {
  const windows: { readonly b: number; readonly corner: Triple; readonly seams: Seams }[] = [];
  for (let b = 0; b < batch; b++) {
    each(counts, (corner) => {
      const last = (axis: number) => shift[axis]! > 0 && corner[axis] === counts[axis]! - 1;
      windows.push({ b, corner, seams: bits([last(0), last(1), last(2)]) });
    });
  }
  return windows.sort((p, q) => p.seams - q.seams);
}

/** -100 for each pair of a window's tokens with a seam between them, otherwise 0, [tokens, tokens]. */
function seamMask(seams: Seams, size: Triple, shift: Triple): Float32Array {
  const sides: number[] = [];
  each(size, (offset) => {
    const behind = (axis: number) => offset[axis]! >= size[axis]! - shift[axis]!;
    sides.push(bits([behind(0), behind(1), behind(2)]) & seams);
  });
  const mask = new Float32Array(sides.length ** 2);
  let at = 0;
  for (const a of sides) for (const b of sides) mask[at++] = a === b ? 0 : -100;
  return mask;
}

function windowParts(all: readonly Seams[], most: number, maskOf: (seams: Seams) => Float32Array): WindowPart[] {
  const tensor = (masks: readonly Float32Array[]): tf.Tensor4D => {
    const tokens = Math.sqrt(masks[0]!.length);
    const values = new Float32Array(masks.length * tokens * tokens);
    for (const [i, mask] of masks.entries()) values.set(mask, i * tokens * tokens);
    return tf.keep(tf.tensor4d(values, [masks.length, 1, tokens, tokens]));
  };
  const values = new Map([...new Set(all)].map((seams) => [seams, maskOf(seams)]));
  const shared = new Map<Seams, tf.Tensor4D>();
  return Array.from({ length: Math.ceil(all.length / most) }, (_, i): WindowPart => {
    const part = all.slice(i * most, (i + 1) * most);
    const [first] = part as [Seams, ...Seams[]];
    if (part.some((seams) => seams !== first)) {
      return { windows: part.length, mask: tensor(part.map((seams) => values.get(seams)!)) };
    }
    if (first === 0) return { windows: part.length };
    const mask = shared.get(first) ?? tensor([values.get(first)!]);
    shared.set(first, mask);
    return { windows: part.length, mask };
  });
}

const bits = (flags: readonly [boolean, boolean, boolean]): number =>
  Number(flags[0]) * 4 + Number(flags[1]) * 2 + Number(flags[2]);

/** The row of the relative position bias table for each pair of tokens; see {@link relativePositionIndex}. */
export const relativePositions = (window: number, tokens: number): RowMap =>
  rowMap(relativePositionIndex(window, tokens), (2 * window - 1) ** 3);

/**
 * Row of the relative position bias table for each pair of the first `tokens` tokens of a full window, [tokens,
 * tokens]. A window that the grid made smaller uses the same rows as in MONAI: those of the full window's first tokens.
 */
export function relativePositionIndex(window: number, tokens: number): Int32Array {
  const span = 2 * window - 1;
  const place = (token: number): Triple => [
    Math.floor(token / (window * window)),
    Math.floor(token / window) % window,
    token % window,
  ];
  const indices = new Int32Array(tokens * tokens);
  for (let i = 0; i < tokens; i++) {
    for (let j = 0; j < tokens; j++) {
      const [a, b] = [place(i), place(j)];
      indices[i * tokens + j] = [0, 1, 2].reduce((row, axis) => row * span + a[axis]! - b[axis]! + window - 1, 0);
    }
  }
  return indices;
}

/** Eight consecutive rows, one for each corner, for each cube of 2³ tokens. The grid's sides are even. */
export function mergeMap([batch, ...sides]: Grid, corners: readonly Corner[]): RowMap {
  const half = sides.map((side) => side / 2) as unknown as Triple;
  const indices: number[] = [];
  for (let b = 0; b < batch; b++) {
    each(half, ([z, y, x]) => {
      for (const [dz, dy, dx] of corners) {
        indices.push(((b * sides[0] + 2 * z + dz) * sides[1] + 2 * y + dy) * sides[2] + 2 * x + dx);
      }
    });
  }
  return rowMap(Int32Array.from(indices), batch * sides[0] * sides[1] * sides[2]);
}

function each([depth, height, width]: Triple, visit: (index: Triple) => void): void {
  for (let z = 0; z < depth; z++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) visit([z, y, x]);
}

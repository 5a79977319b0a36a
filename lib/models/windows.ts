import type { WindowGroup } from '../nn/attention.ts';
import { type RowMap, rowMap } from '../nn/rows.ts';
import { tf } from '../nn/tf.ts';

/** Batch, z, y, x: rows of a token matrix run in this order, x fastest. */
export type Grid = readonly [number, number, number, number];
type Triple = readonly [number, number, number];

/** How the tokens of a grid are dealt into attention windows and back. */
export interface Windows {
  /** Tokens of one window. */
  readonly tokens: number;
  readonly partition: RowMap;
  readonly reverse: RowMap;
  /** All windows. They stand in the order of their masks, so that those with the same mask are a group. */
  readonly groups: readonly WindowGroup[];
}

/** What a window's tokens may see: along axes with `true` only those on the same side of the seam. */
type Seams = readonly [boolean, boolean, boolean];

/**
 * Windows of a grid as MONAI's Swin transformer cuts them: a window is no larger than the grid, a grid that is no
 * multiple of the window is filled up with zeros behind, shifted windows wrap around and are masked. Axes that one
 * window covers are not shifted.
 */
export function createWindows(grid: Grid, window: number, shifted: boolean): Windows {
  const [batch, ...sides] = grid;
  const size = sides.map((side) => Math.min(side, window)) as unknown as Triple;
  const shift = sides.map((side) => (shifted && side > window ? window >> 1 : 0)) as unknown as Triple;
  const counts = sides.map((side, axis) => Math.ceil(side / size[axis]!)) as unknown as Triple;
  const tokens = size[0] * size[1] * size[2];
  const windows = batch * counts[0] * counts[1] * counts[2];
  const source = batch * sides[0] * sides[1] * sides[2];
  const partition = new Int32Array(windows * tokens);
  const reverse = new Int32Array(source);
  const groups: WindowGroup[] = [];
  let row = 0;
  for (const seams of SEAMS) {
    const begin = row;
    for (let b = 0; b < batch; b++) {
      each(counts, (corner) => {
        if (seams.some((seam, axis) => seam !== (shift[axis]! > 0 && corner[axis] === counts[axis]! - 1))) return;
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
      });
    }
    if (row === begin) continue;
    const mask = seams.includes(true) ? { mask: seamMask(seams, size, shift) } : {};
    groups.push({ windows: (row - begin) / tokens, ...mask });
  }
  return { tokens, partition: rowMap(partition, source), reverse: rowMap(reverse, windows * tokens), groups };
}

/** Frees a grid's index tables. */
export function disposeWindows({ partition, reverse, groups }: Windows): void {
  partition.dispose();
  reverse.dispose();
  for (const { mask } of groups) mask?.dispose();
}

const SEAMS: readonly Seams[] = Array.from({ length: 8 }, (_, i) => [i >= 4, i % 4 >= 2, i % 2 === 1]);

/**
 * [tokens, tokens], -100 between tokens that only the cyclic shift made neighbours: in the last window along an axis
 * the last `shift` tokens come from the grid's other end.
 */
function seamMask(seams: Seams, size: Triple, shift: Triple): tf.Tensor2D {
  const sides: number[] = [];
  each(size, (offset) => {
    sides.push(
      seams.reduce((side, seam, axis) => {
        return 2 * side + (seam && offset[axis]! >= size[axis]! - shift[axis]! ? 1 : 0);
      }, 0),
    );
  });
  const values = sides.flatMap((a) => sides.map((b) => (a === b ? 0 : -100)));
  return tf.keep(tf.tensor2d(values, [sides.length, sides.length]));
}

/** The row of the relative position bias table for each pair of tokens, as {@link relativePositionIndex} says. */
export const relativePositions = (window: number, tokens: number): RowMap =>
  rowMap(relativePositionIndex(window, tokens), (2 * window - 1) ** 3);

/**
 * Row of the relative position bias table for each pair of the first `tokens` tokens of a full window, [tokens,
 * tokens]. A window that the grid made smaller reads the same rows as MONAI's does: those of the full window's first
 * tokens.
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

/** Corners of a 2³ cube in the order of MONAI's `PatchMerging` from version 1.5 on; before, two of them were read twice and two never. */
const CORNERS: readonly Triple[] = [
  [0, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [1, 0, 1],
  [0, 1, 1],
  [1, 1, 1],
];

/** Eight rows for each cube of 2³ tokens, one after the other; the grid's sides are even. */
export function mergeMap([batch, ...sides]: Grid): RowMap {
  const half = sides.map((side) => side / 2) as unknown as Triple;
  const indices: number[] = [];
  for (let b = 0; b < batch; b++) {
    each(half, ([z, y, x]) => {
      for (const [dz, dy, dx] of CORNERS) {
        indices.push(((b * sides[0] + 2 * z + dz) * sides[1] + 2 * y + dy) * sides[2] + 2 * x + dx);
      }
    });
  }
  return rowMap(Int32Array.from(indices), batch * sides[0] * sides[1] * sides[2]);
}

function each([depth, height, width]: Triple, visit: (index: Triple) => void): void {
  for (let z = 0; z < depth; z++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) visit([z, y, x]);
}

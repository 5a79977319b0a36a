import { type RowMap, rowMap } from '../nn/rows.ts';
import { tf } from '../nn/tf.ts';

/** Batch, z, y, x: rows of a token matrix run in this order, x fastest. */
export type Grid = readonly [number, number, number, number];
type Triple = readonly [number, number, number];

/** How the tokens of a grid are dealt into attention windows and back. */
export interface Windows {
  readonly tokens: number;
  readonly partition: RowMap;
  readonly reverse: RowMap;
  /** [windows, 1, tokens, tokens], -100 between tokens that only the cyclic shift made neighbours. */
  readonly mask: tf.Tensor4D | undefined;
}

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
  const regions = new Int32Array(windows * tokens);
  const reverse = new Int32Array(source);
  const padded = counts.map((count, axis) => count * size[axis]!) as unknown as Triple;
  let row = 0;
  for (let b = 0; b < batch; b++) {
    each(counts, (corner) =>
      each(size, (offset) => {
        const place = corner.map((index, axis) => index * size[axis]! + offset[axis]!) as unknown as Triple;
        const voxel = place.map((p, axis) => (p + shift[axis]!) % padded[axis]!) as unknown as Triple;
        const inside = voxel.every((v, axis) => v < sides[axis]!);
        const index = inside ? ((b * sides[0] + voxel[0]) * sides[1] + voxel[1]) * sides[2] + voxel[2] : -1;
        partition[row] = index;
        if (inside) reverse[index] = row;
        regions[row] = region(place, padded, size, shift);
        row++;
      }),
    );
  }
  return {
    tokens,
    partition: rowMap(partition, source),
    reverse: rowMap(reverse, windows * tokens),
    mask: shift.some((s) => s > 0) ? regionMask(regions, windows, tokens) : undefined,
  };
}

/** Frees a grid's index tables. */
export function disposeWindows({ partition, reverse, mask }: Windows): void {
  partition.dispose();
  reverse.dispose();
  mask?.dispose();
}

/** Number of the part of the shifted grid, 0 to 26, that a place lies in: parts do not attend to each other. */
function region(place: Triple, padded: Triple, size: Triple, shift: Triple): number {
  return place.reduce((number, p, axis) => {
    const end = padded[axis]!;
    const part = p < end - size[axis]! ? 0 : p < end - shift[axis]! ? 1 : 2;
    return number * 3 + part;
  }, 0);
}

function regionMask(regions: Int32Array, windows: number, tokens: number): tf.Tensor4D {
  const mask = new Float32Array(windows * tokens * tokens);
  for (let w = 0; w < windows; w++) {
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        if (regions[w * tokens + i] !== regions[w * tokens + j]) mask[(w * tokens + i) * tokens + j] = -100;
      }
    }
  }
  return tf.keep(tf.tensor4d(mask, [windows, 1, tokens, tokens]));
}

/**
 * Row of the relative position bias table for each pair of the first `tokens` tokens of a full window. A window
 * that the grid made smaller reads the same rows as MONAI's does: those of the full window's first tokens.
 */
export function relativePositions(window: number, tokens: number): RowMap {
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
  return rowMap(indices, span ** 3);
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

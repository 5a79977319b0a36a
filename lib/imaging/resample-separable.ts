import type { Interpolation, PlaneWriter } from './interpolation.ts';
import { type Axes, readRows, type SourceView, viewAlong, viewByPlanes } from './resample-source.ts';
import { type Taps, tapsAt, tapsOf } from './resample-taps.ts';
import type { Affine, Vec3, Volume, VoxelArray } from './volume.ts';

/** Largest drift of parallel axes over the whole grid, in source voxels. */
const PARALLEL = 1e-3;

/**
 * The source axis that each target axis runs along, or undefined for grids that are oblique to each other.
 *
 * @param toSource from target to source voxels
 * @param shape of the target
 */
export function separableAxes(toSource: Affine, shape: Vec3): Axes | undefined {
  const axes = ([0, 1, 2] as const).map((target) => {
    const along = ([0, 1, 2] as const).filter((s) => Math.abs(toSource[s][target]) * shape[target] > PARALLEL);
    return along.length === 1 ? along[0] : undefined;
  });
  return new Set(axes).size === 3 && !axes.includes(undefined) ? (axes as unknown as Axes) : undefined;
}

/** Nearest-neighbour resampling along parallel axes. See `resample`. */
export function nearestSeparable(volume: Volume, axes: Axes, toSource: Affine, shape: Vec3, fill: number): VoxelArray {
  const { data, shape: from, strides } = viewAlong(volume, axes);
  const [x, y, z] = tapsAlong(from, axes, toSource, shape, 'nearest');
  const [nx, ny, nz] = shape;
  const out = new (data.constructor as new (length: number) => VoxelArray)(nx * ny * nz);
  if (fill !== 0) out.fill(fill);
  for (let k = z.from; k < z.to; k += 1) {
    for (let j = y.from; j < y.to; j += 1) {
      const row = strides[1] * (y.index[j] as number) + strides[2] * (z.index[k] as number);
      const to = nx * (j + ny * k);
      for (let i = x.from; i < x.to; i += 1) out[to + i] = data[row + strides[0] * (x.index[i] as number)] as number;
    }
  }
  return out;
}

/**
 * Linear resampling along parallel axes by weighted sums along x, then y, then z. Each source plane is computed once if
 * planes are requested in order. Only a few planes are held as float32. See `resample`.
 */
export function linearSeparable(volume: Volume, axes: Axes, toSource: Affine, shape: Vec3, fill: number): PlaneWriter {
  const source = viewByPlanes(volume, axes);
  const [x, y, z] = tapsAlong(source.shape, axes, toSource, shape, 'linear');
  const [nx, ny] = shape;
  const isFull = x.from === 0 && x.to === nx && y.from === 0 && y.to === ny;
  const planeOf = planeMaker(source, x, y, [nx, ny], 2 * z.width);
  return (k, target) => {
    if (!isFull || k < z.from || k >= z.to) target.fill(fill);
    if (k < z.from || k >= z.to) return;
    const parts = tapsAt(z, k).map(({ index, weight }) => ({ data: planeOf(index), at: 0, weight }));
    if (isFull) return weightedSum(target, 0, nx * ny, parts);
    for (let j = y.from; j < y.to; j += 1) weightedSum(target, nx * j + x.from, nx * j + x.to, parts);
  };
}

/** The taps of each target axis. The axes of `source` are in the target's order. */
const tapsAlong = (source: Vec3, axes: Axes, toSource: Affine, shape: Vec3, how: Interpolation) =>
  ([0, 1, 2] as const).map((target) => {
    const row = toSource[axes[target]];
    return tapsOf(source[target], shape[target], row[3], row[target], how);
  }) as unknown as readonly [Taps, Taps, Taps];

/**
 * Source planes resampled along x and y. The last `most` planes are cached and the memory of older ones is reused: a
 * plane stays valid until `most` others were requested.
 */
function planeMaker(source: SourceView, x: Taps, y: Taps, [nx, ny]: readonly [number, number], most: number) {
  const [sx, sy] = source.shape;
  const kept = new Map<number, Float32Array>();
  const used = y.index.subarray(y.from * y.width, y.to * y.width);
  const first = used.reduce((least, index) => Math.min(least, index), sy);
  const last = used.reduce((most, index) => Math.max(most, index), first - 1);
  const values = new Float32Array(sx * (last + 1 - first));
  const rows = new Float32Array(nx * (last + 1 - first));
  const tapsOfRow = Array.from({ length: y.to - y.from }, (_, j) => tapsAt(y, y.from + j));
  return (z: number): Float32Array => {
    const known = kept.get(z);
    const plane = known ?? (kept.size < most ? new Float32Array(nx * ny) : takeOldest(kept));
    kept.delete(z);
    kept.set(z, plane);
    if (known) return plane;
    // Converts the plane once, so that the loops run on float32 for every stored type.
    readRows(source, z, first, values);
    resampleRows(values, sx, x, rows, nx);
    for (const [j, taps] of tapsOfRow.entries()) {
      const to = nx * (y.from + j);
      const parts = taps.map(({ index, weight }) => ({ data: rows, at: nx * (index - first) - to, weight }));
      weightedSum(plane, to + x.from, to + x.to, parts);
    }
    return plane;
  };
}

function takeOldest(kept: Map<number, Float32Array>): Float32Array {
  const [oldest, plane] = kept.entries().next().value as [number, Float32Array];
  kept.delete(oldest);
  return plane;
}

/** Resamples rows of `sx` values along x, four at a time: looking up the taps takes longer than using them. */
function resampleRows(values: Float32Array, sx: number, taps: Taps, rows: Float32Array, nx: number): void {
  const { from, to, width, index, weight } = taps;
  const count = values.length / sx;
  for (let top = 0; top < count; top += 4) {
    // The last group of four may repeat rows of the group before. With fewer than four rows the last is repeated.
    const row = (i: number) => Math.min(Math.max(0, Math.min(top, count - 4)) + i, count - 1);
    const [p, q, r, s] = [row(0) * sx, row(1) * sx, row(2) * sx, row(3) * sx];
    const [pOut, qOut, rOut, sOut] = [row(0) * nx, row(1) * nx, row(2) * nx, row(3) * nx];
    for (let i = from; i < to; i += 1) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let k = i * width; k < (i + 1) * width; k += 1) {
        const [at, share] = [index[k] as number, weight[k] as number];
        a += share * (values[p + at] as number);
        b += share * (values[q + at] as number);
        c += share * (values[r + at] as number);
        d += share * (values[s + at] as number);
      }
      rows[pOut + i] = a;
      rows[qOut + i] = b;
      rows[rOut + i] = c;
      rows[sOut + i] = d;
    }
  }
}

interface Part {
  readonly data: Float32Array;
  /** Element i of the target takes element i + at. */
  readonly at: number;
  readonly weight: number;
}

/** Elements `from` up to `to` (exclusive) become the weighted sum of the parts, in float32. */
function weightedSum(target: Float32Array, from: number, to: number, [first, second, ...others]: readonly Part[]) {
  if (!first) return;
  const { data: a, at: p, weight: v } = first;
  if (second) {
    const { data: b, at: q, weight: w } = second;
    // Two parts in one pass over memory. Rounding after the first gives the same result as separate passes.
    for (let i = from; i < to; i += 1) {
      target[i] = Math.fround(v * (a[i + p] as number)) + w * (b[i + q] as number);
    }
  } else for (let i = from; i < to; i += 1) target[i] = v * (a[i + p] as number);
  for (const { data, at, weight } of others) {
    for (let i = from; i < to; i += 1) target[i] = (target[i] as number) + weight * (data[i + at] as number);
  }
}

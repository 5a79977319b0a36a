import { permuteAxes } from './reorient.ts';
import type { Interpolation } from './resample.ts';
import { type Taps, tapsOf } from './resample-taps.ts';
import type { Affine, Vec3, Volume, VoxelArray } from './volume.ts';

type Axes = readonly [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2];

/** How far, in source voxels, axes may drift apart over the whole grid and still count as parallel. */
const PARALLEL = 1e-3;

/**
 * The source axis that each target axis runs along, or undefined where the grids are oblique to each other.
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

/** Resamples along parallel axes: x, then y, then z, each source plane once. See `resample`. */
export function resampleSeparable(
  volume: Volume,
  axes: Axes,
  toSource: Affine,
  shape: Vec3,
  how: Interpolation,
  fill: number,
): VoxelArray {
  const inOrder = axes.every((axis, i) => axis === i);
  const source = inOrder
    ? volume
    : permuteAxes(volume, [
        { axis: axes[0], sign: 1 },
        { axis: axes[1], sign: 1 },
        { axis: axes[2], sign: 1 },
      ]);
  const taps = ([0, 1, 2] as const).map((target) => {
    const row = toSource[axes[target]];
    return tapsOf(source.shape[target], shape[target], row[3], row[target], how);
  }) as unknown as readonly [Taps, Taps, Taps];
  return how === 'nearest' ? pick(source, taps, shape, fill) : blend(source, taps, shape, fill);
}

function pick(source: Volume, [x, y, z]: readonly [Taps, Taps, Taps], [nx, ny, nz]: Vec3, fill: number): VoxelArray {
  const { data, shape } = source;
  const out = new (data.constructor as new (length: number) => VoxelArray)(nx * ny * nz);
  if (fill !== 0) out.fill(fill);
  for (let k = z.from; k < z.to; k += 1) {
    for (let j = y.from; j < y.to; j += 1) {
      const row = shape[0] * ((y.index[j] as number) + shape[1] * (z.index[k] as number));
      const to = nx * (j + ny * k);
      for (let i = x.from; i < x.to; i += 1) out[to + i] = data[row + (x.index[i] as number)] as number;
    }
  }
  return out;
}

function blend(source: Volume, [x, y, z]: readonly [Taps, Taps, Taps], [nx, ny, nz]: Vec3, fill: number): Float32Array {
  const out = new Float32Array(nx * ny * nz);
  if (fill !== 0) out.fill(fill);
  const planeOf = planeMaker(source, x, y, [nx, ny], 2 * z.width);
  for (let k = z.from; k < z.to; k += 1) {
    const parts = Array.from({ length: z.width }, (_, t) => k * z.width + t)
      .filter((at) => z.weight[at] !== 0)
      .map((at) => ({ plane: planeOf(z.index[at] as number), weight: z.weight[at] as number }));
    for (let j = y.from; j < y.to; j += 1) {
      const row = nx * j;
      const target = out.subarray(nx * (j + ny * k), nx * (j + ny * k + 1));
      target.fill(0, x.from, x.to);
      for (const { plane, weight } of parts) addRow(target, plane, row, weight, x.from, x.to);
    }
  }
  return out;
}

/**
 * Source planes resampled along x and y. The `most` last used are kept and the memory of older ones is used again:
 * a plane stays good while fewer than `most` others are asked for.
 */
function planeMaker(source: Volume, x: Taps, y: Taps, [nx, ny]: readonly [number, number], most: number) {
  const [sx, sy] = source.shape;
  const kept = new Map<number, Float32Array>();
  const values = new Float32Array(sx);
  const rows = new Float32Array(nx * sy);
  const ready = new Uint8Array(sy);
  return (z: number): Float32Array => {
    const known = kept.get(z);
    const plane = known ?? (kept.size < most ? new Float32Array(nx * ny) : takeOldest(kept));
    kept.delete(z);
    kept.set(z, plane);
    if (known) return plane;
    plane.fill(0);
    ready.fill(0);
    for (let j = y.from; j < y.to; j += 1) {
      for (let k = j * y.width; k < (j + 1) * y.width; k += 1) {
        const weight = y.weight[k] as number;
        if (weight === 0) continue;
        const from = y.index[k] as number;
        if (!ready[from]) {
          const start = sx * (from + sy * z);
          // One conversion of the row: the loop over taps then runs on float32 whatever the stored type is.
          values.set(source.data.subarray(start, start + sx));
          resampleRow(values, x, rows, nx * from);
          ready[from] = 1;
        }
        addRow(plane.subarray(nx * j, nx * (j + 1)), rows, nx * from, weight, x.from, x.to);
      }
    }
    return plane;
  };
}

function takeOldest(kept: Map<number, Float32Array>): Float32Array {
  const [oldest, plane] = kept.entries().next().value as [number, Float32Array];
  kept.delete(oldest);
  return plane;
}

function resampleRow(values: Float32Array, { from, to, width, index, weight }: Taps, rows: Float32Array, at: number) {
  for (let i = from; i < to; i += 1) {
    let sum = 0;
    for (let k = i * width; k < (i + 1) * width; k += 1) {
      sum += (weight[k] as number) * (values[index[k] as number] as number);
    }
    rows[at + i] = sum;
  }
}

function addRow(target: Float32Array, from: Float32Array, at: number, weight: number, start: number, end: number) {
  for (let i = start; i < end; i += 1) {
    target[i] = (target[i] as number) + weight * (from[at + i] as number);
  }
}

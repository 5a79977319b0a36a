import { tf } from './tf.ts';

type Triple = readonly [number, number, number];

export interface SlidingWindowOptions {
  /** Sides of the window in voxels, [z, y, x]. */
  readonly patch: Triple;
  /** Least share of a window that the next one overlaps, from 0 to below 1. Default: {@link OVERLAP}. */
  readonly overlap?: number | undefined;
  /** Value around a volume that is smaller than the window. */
  readonly fill?: number;
  /** Called after each window with the number of windows so far and of all. */
  readonly onWindow?: ((done: number, total: number) => void) | undefined;
}

/** Share of a window that the next one overlaps, unless another is asked for: as in nnU-Net. */
export const OVERLAP = 0.5;

/** One plane of the maps of all heads. */
export interface Planes<K> {
  readonly z: number;
  /** [y, x, channel], by head. */
  readonly heads: ReadonlyMap<K, Float32Array>;
}

/** A volume as it lies in memory: [z, y, x], x fastest. */
interface WindowedVolume {
  readonly data: Float32Array;
  readonly shape: Triple;
}

/**
 * Predicts a volume of any size window by window and averages overlapping windows, with Gaussian weights that favour a
 * window's centre (nnU-Net, Isensee et al. 2021: σ is an eighth of the window). Whatever `predict` returns is averaged:
 * probabilities or logits. A volume that fits into one window is predicted at once.
 *
 * Planes are yielded in the order of z as soon as no further window reaches them, so that sums are held for one window's
 * depth only: on a thorax of 1 mm, the maps of all heads would take several gigabytes.
 *
 * @param predict from a window [1, z, y, x, 1] to maps [1, z, y, x, c] by head
 */
export function* slidingWindow<K>(
  predict: (window: tf.Tensor5D) => ReadonlyMap<K, tf.Tensor5D>,
  volume: WindowedVolume,
  { patch, overlap = OVERLAP, fill = 0, onWindow }: SlidingWindowOptions,
): Generator<Planes<K>, void> {
  const size = volume.shape;
  const padded = map3((axis) => Math.max(size[axis]!, patch[axis]!));
  const before = map3((axis) => Math.floor((padded[axis]! - size[axis]!) / 2));
  const starts = map3((axis) => windowStarts(padded[axis]!, patch[axis]!, overlap));
  const total = windowCount(size, patch, overlap);
  const importance = gaussian(patch);
  const plane = padded[1] * padded[2];
  const weights = new Float32Array(patch[0] * plane);
  const sums = new Map<K, Sum>();
  let done = 0;

  for (const [layer, z] of starts[0].entries()) {
    for (const y of starts[1]) {
      for (const x of starts[2]) {
        const window = cut(volume, [z - before[0], y - before[1], x - before[2]], patch, fill);
        for (const [head, { channels, values }] of predictWindow(predict, window, patch)) {
          const sum = sums.get(head) ?? { channels, data: new Float32Array(weights.length * channels) };
          sums.set(head, sum);
          addWindow(sum.data, values, importance, padded, [y, x], patch, channels);
        }
        addWindow(weights, undefined, importance, padded, [y, x], patch, 1);
        onWindow?.(++done, total);
      }
    }
    const finished = (starts[0][layer + 1] ?? padded[0]) - z;
    for (let i = 0; i < finished; i++) {
      const inVolume = z + i - before[0];
      if (inVolume < 0 || inVolume >= size[0]) continue;
      const weightsOf = weights.subarray(i * plane, (i + 1) * plane);
      const heads = new Map<K, Float32Array>();
      for (const [head, { channels, data }] of sums) {
        const from = data.subarray(i * plane * channels, (i + 1) * plane * channels);
        heads.set(head, averaged(from, weightsOf, channels, padded, before, size));
      }
      yield { z: inVolume, heads };
    }
    for (const { channels, data } of sums.values()) shift(data, finished * plane * channels);
    shift(weights, finished * plane);
  }
}

/** Sums of weighted predictions, [z, y, x, channel], for the planes that a window reaches. */
interface Sum {
  readonly channels: number;
  readonly data: Float32Array;
}

/** Number of windows that {@link slidingWindow} predicts in a volume. */
export function windowCount(size: Triple, patch: Triple, overlap: number = OVERLAP): number {
  const [z, y, x] = map3((axis) => windowStarts(Math.max(size[axis], patch[axis]), patch[axis], overlap).length);
  return z * y * x;
}

/** Starts of the windows along an axis: evenly spaced from one end to the other, as few as the overlap allows. */
export function windowStarts(size: number, patch: number, overlap: number): readonly number[] {
  const step = Math.max(1, patch * (1 - overlap));
  const last = Math.ceil((size - patch) / step);
  return Array.from({ length: last + 1 }, (_, i) => (last === 0 ? 0 : Math.round((i * (size - patch)) / last)));
}

/** A window of the volume from a corner that may lie before its start, with `fill` beyond the volume. */
function cut({ data, shape }: WindowedVolume, corner: Triple, patch: Triple, fill: number): Float32Array {
  const window = new Float32Array(patch[0] * patch[1] * patch[2]).fill(fill);
  const [low, high] = [
    map3((axis) => Math.max(0, -corner[axis])),
    map3((axis) => Math.min(patch[axis], shape[axis] - corner[axis])),
  ];
  for (let z = low[0]; z < high[0]; z++) {
    for (let y = low[1]; y < high[1]; y++) {
      const row = ((corner[0] + z) * shape[1] + corner[1] + y) * shape[2] + corner[2];
      window.set(data.subarray(row + low[2], row + high[2]), (z * patch[1] + y) * patch[2] + low[2]);
    }
  }
  return window;
}

function predictWindow<K>(
  predict: (window: tf.Tensor5D) => ReadonlyMap<K, tf.Tensor5D>,
  window: Float32Array,
  patch: Triple,
): [K, { channels: number; values: Float32Array }][] {
  // Numbers leave the tidy inside objects: TensorFlow.js would search a typed array for tensors value by value.
  const found: [K, { channels: number; values: Float32Array }][] = [];
  tf.tidy(() => {
    for (const [head, map] of predict(tf.tensor5d(window, [1, ...patch, 1]))) {
      found.push([head, { channels: map.shape[4], values: map.dataSync() as Float32Array }]);
    }
  });
  return found;
}

/** Adds a window's values times their importance to the sums, which begin at the window's first plane. Without values it adds the importance. */
function addWindow(
  sum: Float32Array,
  values: Float32Array | undefined,
  importance: Float32Array,
  [, height, width]: Triple,
  [y0, x0]: readonly [number, number],
  [depth, rows, columns]: Triple,
  channels: number,
): void {
  let voxel = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < rows; y++) {
      let target = ((z * height + y0 + y) * width + x0) * channels;
      for (let x = 0; x < columns; x++, voxel++) {
        const weight = importance[voxel]!;
        for (let c = 0; c < channels; c++) {
          sum[target++]! += values ? values[voxel * channels + c]! * weight : weight;
        }
      }
    }
  }
}

/** The part of a plane of sums that lies in the volume, over its weights: [y, x, channel]. */
function averaged(
  sums: Float32Array,
  weights: Float32Array,
  channels: number,
  [, , paddedX]: Triple,
  [, y0, x0]: Triple,
  [, rows, columns]: Triple,
): Float32Array {
  const values = new Float32Array(rows * columns * channels);
  let i = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const voxel = (y0 + y) * paddedX + x0 + x;
      for (let c = 0; c < channels; c++) values[i++] = sums[voxel * channels + c]! / weights[voxel]!;
    }
  }
  return values;
}

/** Moves values to the front of an array and fills what they leave with 0. */
function shift(values: Float32Array, by: number): void {
  values.copyWithin(0, by);
  values.fill(0, values.length - by);
}

/** A Gaussian around the window's centre, where it is 1. At the corners it is e⁻²⁴, which is not 0. */
function gaussian(patch: Triple): Float32Array {
  const along = (side: number) =>
    Float32Array.from({ length: side }, (_, i) => Math.exp(-0.5 * ((i - (side - 1) / 2) / (side / 8)) ** 2));
  const [fz, fy, fx] = [along(patch[0]), along(patch[1]), along(patch[2])];
  const weights = new Float32Array(fz.length * fy.length * fx.length);
  let i = 0;
  for (const wz of fz) for (const wy of fy) for (const wx of fx) weights[i++] = wz * wy * wx;
  return weights;
}

const map3 = <T>(f: (axis: 0 | 1 | 2) => T): readonly [T, T, T] => [f(0), f(1), f(2)];

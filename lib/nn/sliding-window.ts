import { tf } from './tf.ts';

type Triple = readonly [number, number, number];

export interface SlidingWindowOptions {
  /** Sides of the window in voxels, [z, y, x]. */
  readonly patch: Triple;
  /** Least share of a window that the next one overlaps. */
  readonly overlap?: number;
  /** Value around a volume that is smaller than the window. */
  readonly fill?: number;
}

/**
 * Predicts a volume of any size window by window and averages overlapping windows, with Gaussian weights that favour a
 * window's centre (nnU-Net, Isensee et al. 2021: σ is an eighth of the window). Whatever `predict` returns is averaged:
 * probabilities or logits. A volume that fits into one window is predicted at once.
 *
 * @param predict from a window [1, z, y, x, 1] to maps [1, z, y, x, c] by head
 * @param volume [1, z, y, x, 1]
 * @returns maps [1, z, y, x, c] by head, on the volume's grid
 */
export function slidingWindow<K>(
  predict: (window: tf.Tensor5D) => ReadonlyMap<K, tf.Tensor5D>,
  volume: tf.Tensor5D,
  { patch, overlap = 0.5, fill = 0 }: SlidingWindowOptions,
): Map<K, tf.Tensor5D> {
  const size = volume.shape.slice(1, 4) as unknown as Triple;
  const padded = map3((axis) => Math.max(size[axis]!, patch[axis]!));
  const before = map3((axis) => Math.floor((padded[axis]! - size[axis]!) / 2));
  const starts = map3((axis) => windowStarts(padded[axis]!, patch[axis]!, overlap));
  const importance = gaussian(patch);
  const weights = new Float32Array(padded[0] * padded[1] * padded[2]);
  const sums = new Map<K, { readonly channels: number; readonly data: Float32Array }>();

  const full = tf.tidy(() => pad(volume, size, padded, before, fill));
  for (const z of starts[0]) {
    for (const y of starts[1]) {
      for (const x of starts[2]) {
        const corner: Triple = [z, y, x];
        for (const [head, { channels, values }] of predictWindow(predict, full, corner, patch)) {
          const sum = sums.get(head) ?? { channels, data: new Float32Array(weights.length * channels) };
          sums.set(head, sum);
          addWindow(sum.data, values, importance, padded, corner, patch, channels);
        }
        addWindow(weights, undefined, importance, padded, corner, patch, 1);
      }
    }
  }
  full.dispose();

  return new Map(
    [...sums].map(([head, { channels, data }]) => {
      for (let voxel = 0, i = 0; voxel < weights.length; voxel++) {
        const weight = weights[voxel]!;
        for (let c = 0; c < channels; c++) data[i++]! /= weight;
      }
      const map = tf.tidy(() =>
        tf.slice(tf.tensor5d(data, [1, ...padded, channels]), [0, ...before, 0], [1, ...size, channels]),
      );
      return [head, map];
    }),
  );
}

/** Starts of the windows along an axis: evenly spaced from one end to the other, as few as the overlap allows. */
export function windowStarts(size: number, patch: number, overlap: number): readonly number[] {
  const step = Math.max(1, patch * (1 - overlap));
  const last = Math.ceil((size - patch) / step);
  return Array.from({ length: last + 1 }, (_, i) => (last === 0 ? 0 : Math.round((i * (size - patch)) / last)));
}

function predictWindow<K>(
  predict: (window: tf.Tensor5D) => ReadonlyMap<K, tf.Tensor5D>,
  full: tf.Tensor5D,
  corner: Triple,
  patch: Triple,
): [K, { channels: number; values: Float32Array }][] {
  // Numbers leave the tidy inside objects: TensorFlow.js would search a typed array for tensors value by value.
  const found: [K, { channels: number; values: Float32Array }][] = [];
  tf.tidy(() => {
    for (const [head, map] of predict(tf.slice(full, [0, ...corner, 0], [1, ...patch, 1]))) {
      found.push([head, { channels: map.shape[4], values: map.dataSync() as Float32Array }]);
    }
  });
  return found;
}

/** Adds a window's values times their importance to the volume's. Without values it adds the importance. */
function addWindow(
  sum: Float32Array,
  values: Float32Array | undefined,
  importance: Float32Array,
  [, height, width]: Triple,
  [z0, y0, x0]: Triple,
  [depth, rows, columns]: Triple,
  channels: number,
): void {
  let voxel = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < rows; y++) {
      let target = (((z0 + z) * height + y0 + y) * width + x0) * channels;
      for (let x = 0; x < columns; x++, voxel++) {
        const weight = importance[voxel]!;
        for (let c = 0; c < channels; c++) {
          sum[target++]! += values ? values[voxel * channels + c]! * weight : weight;
        }
      }
    }
  }
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

function pad(volume: tf.Tensor5D, size: Triple, padded: Triple, before: Triple, fill: number): tf.Tensor5D {
  const amount = (axis: 0 | 1 | 2): [number, number] => [before[axis], padded[axis] - size[axis] - before[axis]];
  return tf.pad(volume, [[0, 0], amount(0), amount(1), amount(2), [0, 0]], fill);
}

const map3 = <T>(f: (axis: 0 | 1 | 2) => T): readonly [T, T, T] => [f(0), f(1), f(2)];

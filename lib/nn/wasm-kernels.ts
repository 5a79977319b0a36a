import type { Kernels } from './kernel-interface.ts';
import { tf } from './tf.ts';
import { instanceNorm, instanceNormGradient, sumRows } from './wasm-norm.ts';

/**
 * Kernels for the WebAssembly backend. Its 3D convolution is thirty times slower than its 2D one, and the gradient of
 * its input is wrong. A 3³ convolution is therefore three 2D ones, one per depth tap. Transposes have at most four
 * axes, because only those are fast. Operations that only move or add numbers run in JavaScript, which shares the
 * memory.
 */
export const wasmKernels: Kernels = {
  conv3d: (x, filter, stride) => {
    const [b, depth, height, width] = x.shape;
    const o = filter.shape[4];
    const planes = TAPS.map((tap) => {
      const input = depthTap(x, tap, stride);
      return tf.conv2d(input, filterPlane(filter, tap), stride, edge(stride));
    });
    return tf.reshape(sum(planes), [b, depth / stride, height / stride, width / stride, o]);
  },

  conv3dInputGradient: (dy, filter, stride) => {
    const spread = stride === 1 ? dy : dilate(dy);
    return wasmKernels.conv3d(spread, transposedFilter(filter), 1);
  },

  // The roles are swapped: x, with its channels as cases, is convolved with dy as a filter of the plane's size.
  conv3dFilterGradient: (x, dy, stride) => {
    const c = x.shape[4];
    const [b, depth, rows, columns, o] = dy.shape;
    const filter = tf.transpose(tf.reshape(dy, [b * depth, rows, columns, o]), [1, 2, 0, 3]) as tf.Tensor4D;
    const behind = stride === 1 ? 1 : 0;
    const planes = TAPS.map((tap) => {
      const cases = tf.transpose(depthTap(x, tap, stride), [3, 1, 2, 0]);
      const padded = tf.pad(cases, [
        [0, 0],
        [1, behind],
        [1, behind],
        [0, 0],
      ]) as tf.Tensor4D;
      const plane = tf.conv2d(padded, filter, 1, 'valid', 'NHWC', stride);
      const inner = tf.slice(plane, [0, 0, 0, 0], [c, 3, 3, o]);
      return tf.transpose(tf.reshape(inner, [c, 9, o]), [1, 0, 2]);
    });
    return tf.reshape(tf.concat(planes, 0), [3, 3, 3, c, o]);
  },

  // The gradient of a concatenation is slower than the convolution.
  joins: () => false,

  instanceNorm,
  instanceNormGradient,
  leakyRelu: (x, slope) => tf.mul(x, tf.step(x, slope)),
  leakyReluGradient: (dy, x, slope) => tf.mul(dy, tf.step(x, slope)),
  matMul: (a, b, transposeA = false, transposeB = false) =>
    tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b),
  addBias: (x, bias) => tf.add(x, bias),
  sumRows,
  // The backend's own split and slice copy all of x for every piece.
  split: (x, sizes) => {
    const values = x.dataSync();
    let end = 0;
    return sizes.map((size) => {
      end += size;
      return tf.tensor1d(values.subarray(end - size, end));
    });
  },
  gatherRows: (x, indices) => {
    const width = x.shape[1];
    const [values, rows] = [x.dataSync(), indices.dataSync()];
    const gathered = new Float32Array(rows.length * width);
    let target = 0;
    for (const row of rows) {
      for (let c = 0, i = row * width; c < width; c++) gathered[target++] = values[i++]!;
    }
    return tf.tensor2d(gathered, [rows.length, width]);
  },
};

const TAPS = [0, 1, 2] as const;
type Tap = (typeof TAPS)[number];

/** One voxel of zeros around the plane. At stride 2 the one behind is never reached. */
const edge = (stride: 1 | 2): tf.backend_util.ExplicitPadding => {
  const behind = stride === 1 ? 1 : 0;
  return [
    [0, 0],
    [1, behind],
    [1, behind],
    [0, 0],
  ];
};

/** The planes that depth tap 0, 1 or 2 reads, one per output plane, as [batch·depth/stride, y, x, c]. */
function depthTap(x: tf.Tensor5D, tap: Tap, stride: 1 | 2): tf.Tensor4D {
  const [b, depth, height, width, c] = x.shape;
  const plane = height * width * c;
  const out = depth / stride;
  const shape: [number, number, number, number] = [b * out, height, width, c];
  if (stride === 1 && tap === 1) return tf.reshape(x, shape);
  const planes = tf.reshape(x, [b, depth, plane]);
  const edgePlane = tf.zeros<tf.Rank.R3>([b, 1, plane]);
  const before = () => tf.concat([edgePlane, tf.slice(planes, [0, 0, 0], [b, depth - 1, plane])], 1);
  if (stride === 1) {
    return tf.reshape(
      tap === 0 ? before() : tf.concat([tf.slice(planes, [0, 1, 0], [b, depth - 1, plane]), edgePlane], 1),
      shape,
    );
  }
  // Output plane i reads 2i - 1, 2i and 2i + 1: the second of pair i - 1, the first and the second of pair i.
  const pairs = tf.reshape(tap === 0 ? before() : planes, [b * out, 2, plane]);
  return tf.reshape(tf.slice(pairs, [0, tap === 2 ? 1 : 0, 0], [b * out, 1, plane]), shape);
}

function filterPlane(filter: tf.Tensor5D, tap: Tap): tf.Tensor4D {
  const [, , , i, o] = filter.shape;
  return tf.reshape(tf.slice(filter, [tap, 0, 0, 0, 0], [1, 3, 3, i, o]), [3, 3, i, o]);
}

/** The filter mirrored along the three axes, with inputs and outputs swapped. */
function transposedFilter(filter: tf.Tensor5D): tf.Tensor5D {
  const [, , , inputs, outputs] = filter.shape;
  const values = filter.dataSync();
  const mirrored = new Float32Array(values.length);
  let source = 0;
  for (let tap = 26; tap >= 0; tap--) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0, target = tap * inputs * outputs + i; o < outputs; o++, target += inputs) {
        mirrored[target] = values[source++]!;
      }
    }
  }
  return tf.tensor5d(mirrored, [3, 3, 3, outputs, inputs]);
}

/** Inserts a zero behind every voxel along each axis. */
function dilate(x: tf.Tensor5D): tf.Tensor5D {
  const [b, depth, height, width, c] = x.shape;
  const behind = (rows: number, row: number, y: tf.Tensor): tf.Tensor =>
    tf.pad(tf.reshape(y, [rows, row]), [
      [0, 0],
      [0, row],
    ]);
  const alongX = behind(b * depth * height * width, c, x);
  const alongY = behind(b * depth * height, 2 * width * c, alongX);
  const alongZ = behind(b * depth, 4 * height * width * c, alongY);
  return tf.reshape(alongZ, [b, 2 * depth, 2 * height, 2 * width, c]);
}

const sum = <T extends tf.Tensor>(terms: readonly T[]): T =>
  terms.reduce((total, term) => tf.add(total, term) as unknown as T);

import type { Kernels } from './kernel-interface.ts';
import { flipped, isNarrow, pairFilter, pairVoxels, unpairFilter } from './native-narrow.ts';
import { instanceNorm, instanceNormGradient } from './native-norm.ts';
import { ATTRIBUTE, type Attribute, alpha, FLOAT, run, sumRows, text, type } from './native-operations.ts';
import { tf } from './tf.ts';

/**
 * Kernels on libtensorflow. Through the addon they also call TensorFlow's fused operations, which TensorFlow.js does
 * not offer: a normalisation is then one call of 0.2 ms instead of eight of together 1 ms.
 */
export const nativeKernels: Kernels = {
  conv3d: (x, filter, stride) => {
    if (stride === 1 && isNarrow(x.shape[3], filter.shape[4])) return narrowConvolution(x, filter);
    const padded = stride === 1 ? x : padFront(x);
    return run('Conv3D', [padded, filter], [FLOAT, ...convolution(stride)]);
  },

  conv3dInputGradient: (dy, filter, stride) => {
    const [b, z, y, x] = dy.shape;
    const channels = filter.shape[3];
    if (stride === 1 && isNarrow(x, channels)) return narrowConvolution(dy, flipped(filter));
    const attributes = [FLOAT, type('Tshape', 'int32'), ...convolution(stride)];
    const side = stride === 1 ? 0 : 1;
    const sizes = [b, z * stride + side, y * stride + side, x * stride + side, channels];
    const dx = run<tf.Tensor5D>('Conv3DBackpropInputV2', [tf.tensor1d(sizes, 'int32'), filter, dy], attributes);
    return stride === 1 ? dx : tf.slice(dx, [0, 1, 1, 1, 0]);
  },

  conv3dFilterGradient: (x, dy, stride) => {
    const [, , , width, out] = dy.shape;
    if (stride === 1 && isNarrow(width, out)) {
      const paired = tf.tensor1d([3, 3, 4, x.shape[4], 2 * out], 'int32');
      return unpairFilter(
        run('Conv3DBackpropFilterV2', [x, paired, pairVoxels(dy.shape, dy)], [FLOAT, ...convolution([1, 1, 2])]),
      );
    }
    const padded = stride === 1 ? x : padFront(x);
    const sizes = tf.tensor1d([3, 3, 3, x.shape[4], out], 'int32');
    return run('Conv3DBackpropFilterV2', [padded, sizes, dy], [FLOAT, ...convolution(stride)]);
  },

  // oneDNN processes 16 channels at a time and pads incomplete groups.
  joins: (channels) => channels.length > 1 && channels.some((count) => count % 16 !== 0),

  instanceNorm,
  instanceNormGradient,
  leakyRelu: (x, slope) => run('LeakyRelu', [x], [FLOAT, alpha(slope)]),
  leakyReluGradient: (dy, x, slope) => run('LeakyReluGrad', [dy, x], [FLOAT, alpha(slope)]),
  // Uses BatchMatMul. TensorFlow's MatMul with a transposed first factor calls an old oneDNN routine whose workspace
  // does not survive a signal: with --cpu-prof the process aborts with a corrupted heap.
  matMul: (a, b, transposeA = false, transposeB = false) => tf.matMul(a, b, transposeA, transposeB),
  addBias: (x, bias) => run('BiasAdd', [x, bias], [FLOAT, text('data_format', 'NHWC')]),
  sumRows,
  split: (x, sizes) => (sizes.length === 1 ? [x] : tf.split(x, [...sizes])),
  gatherRows: (x, indices) =>
    run(
      'GatherV2',
      [x, indices, tf.scalar(0, 'int32')],
      [
        type('Tparams', 'float32'),
        type('Tindices', 'int32'),
        type('Taxis', 'int32'),
        { name: 'batch_dims', type: ATTRIBUTE.int, value: 0 },
      ],
    ),
};

function narrowConvolution(x: tf.Tensor5D, filter: tf.Tensor5D): tf.Tensor5D {
  const [b, z, y, width] = x.shape;
  const pairs: tf.Tensor5D = run('Conv3D', [x, pairFilter(filter)], [FLOAT, ...convolution([1, 1, 2])]);
  return tf.reshape(pairs, [b, z, y, width, filter.shape[4]]);
}

/**
 * SAME pads stride 1 correctly, and pairs of voxels. At stride 2 with 3 taps it would pad only behind, half a voxel off
 * from PyTorch.
 */
const convolution = (stride: 1 | 2 | readonly [1, 1, 2]): readonly Attribute[] => [
  {
    name: 'strides',
    type: ATTRIBUTE.int,
    value: [1, ...(typeof stride === 'number' ? [stride, stride, stride] : stride), 1],
  },
  text('padding', stride === 2 ? 'VALID' : 'SAME'),
  text('data_format', 'NDHWC'),
];

const FRONT: readonly [number, number][] = [
  [0, 0],
  [1, 0],
  [1, 0],
  [1, 0],
  [0, 0],
];
const padFront = (x: tf.Tensor5D): tf.Tensor5D => tf.pad(x, FRONT as [number, number][]);

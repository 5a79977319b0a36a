import type { Kernels } from './kernels.ts';
import { tf } from './tf.ts';

/**
 * Kernels on libtensorflow. Besides TensorFlow.js's own operations they call TensorFlow's fused ones through the
 * addon: a normalisation is then one call of 0.2 ms instead of eight of 1 ms together.
 */
export const nativeKernels: Kernels = {
  conv3d: (x, filter, stride) => {
    const padded = stride === 1 ? x : padFront(x);
    return run('Conv3D', [padded, filter], [FLOAT, ...convolution(stride)]);
  },

  conv3dInputGradient: (dy, filter, stride) => {
    const [b, z, y, x] = dy.shape;
    const channels = filter.shape[3];
    const attributes = [FLOAT, type('Tshape', 'int32'), ...convolution(stride)];
    const side = stride === 1 ? 0 : 1;
    const sizes = [b, z * stride + side, y * stride + side, x * stride + side, channels];
    const dx = run<tf.Tensor5D>('Conv3DBackpropInputV2', [tf.tensor1d(sizes, 'int32'), filter, dy], attributes);
    return stride === 1 ? dx : tf.slice(dx, [0, 1, 1, 1, 0]);
  },

  conv3dFilterGradient: (x, dy, stride) => {
    const padded = stride === 1 ? x : padFront(x);
    const sizes = tf.tensor1d([3, 3, 3, x.shape[4], dy.shape[4]], 'int32');
    return run('Conv3DBackpropFilterV2', [padded, sizes, dy], [FLOAT, ...convolution(stride)]);
  },

  instanceNorm: (x, scale, shift, epsilon) => {
    const none = tf.tensor1d([], 'float32');
    const b = x.shape[0];
    const [y, , , ...saved] = runMany(
      'FusedBatchNormV3',
      [casesAsChannels(x), tile(scale, b), tile(shift, b), none, none],
      batchNorm(epsilon),
      6,
    );
    return { y: channelsAsCases(y!, x.shape), saved };
  },

  instanceNormGradient: (dy, x, scale, saved, epsilon) => {
    const b = x.shape[0];
    const [dx, dScale, dShift] = runMany(
      'FusedBatchNormGradV3',
      [casesAsChannels(dy), casesAsChannels(x), tile(scale, b), ...saved],
      batchNorm(epsilon),
      5,
    );
    return [channelsAsCases(dx!, x.shape), sumCases(dScale!, b), sumCases(dShift!, b)];
  },

  leakyRelu: (x, slope) => run('LeakyRelu', [x], [FLOAT, alpha(slope)]),
  leakyReluGradient: (dy, x, slope) => run('LeakyReluGrad', [dy, x], [FLOAT, alpha(slope)]),
  // BatchMatMul underneath. TensorFlow's MatMul with a transposed first factor goes to an old oneDNN routine whose
  // workspace does not survive a signal: with --cpu-prof the process aborts with a corrupted heap.
  matMul: (a, b, transposeA = false, transposeB = false) => tf.matMul(a, b, transposeA, transposeB),
  addBias: (x, bias) => run('BiasAdd', [x, bias], [FLOAT, text('data_format', 'NHWC')]),
  sumRows: (x) => run('BiasAddGrad', [x], [FLOAT, text('data_format', 'NHWC')]),
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

// ── TensorFlow's operations by name ─────────────────────────────────────────────────────────────────────────

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

/** The part of tfjs-node's backend that runs any TensorFlow operation. */
interface NodeBackend {
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly tf.TensorInfo[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

const backend = (): NodeBackend => tf.backend() as unknown as NodeBackend;

const run = <T extends tf.Tensor>(name: string, inputs: readonly tf.Tensor[], attributes: readonly Attribute[]): T =>
  backend().executeSingleOutput(name, attributes, inputs) as T;

const runMany = (name: string, inputs: readonly tf.Tensor[], attributes: readonly Attribute[], outputs: number) =>
  backend().executeMultipleOutputs(name, attributes, inputs, outputs);

// TF_AttrType and TF_DataType of TensorFlow's C API, which are stable.
const ATTRIBUTE = { text: 0, int: 1, float: 2, flag: 3, type: 4 } as const;
const DATA_TYPE = { float32: 1, int32: 3 } as const;
const type = (name: string, value: keyof typeof DATA_TYPE): Attribute => ({
  name,
  type: ATTRIBUTE.type,
  value: DATA_TYPE[value],
});
const flag = (name: string, value: boolean): Attribute => ({ name, type: ATTRIBUTE.flag, value });
const text = (name: string, value: string): Attribute => ({ name, type: ATTRIBUTE.text, value });
const alpha = (value: number): Attribute => ({ name: 'alpha', type: ATTRIBUTE.float, value });
const FLOAT = type('T', 'float32');

/** Stride 1 pads by itself; at stride 2 TensorFlow's SAME would pad behind only, half a voxel off from PyTorch. */
const convolution = (stride: 1 | 2): readonly Attribute[] => [
  { name: 'strides', type: ATTRIBUTE.int, value: [1, stride, stride, stride, 1] },
  text('padding', stride === 1 ? 'SAME' : 'VALID'),
  text('data_format', 'NDHWC'),
];

const batchNorm = (epsilon: number): readonly Attribute[] => [
  FLOAT,
  type('U', 'float32'),
  { name: 'epsilon', type: ATTRIBUTE.float, value: epsilon },
  text('data_format', 'NHWC'),
  flag('is_training', true),
];

const FRONT: readonly [number, number][] = [
  [0, 0],
  [1, 0],
  [1, 0],
  [1, 0],
  [0, 0],
];
const padFront = (x: tf.Tensor5D): tf.Tensor5D => tf.pad(x, FRONT as [number, number][]);

// Instance normalisation is batch normalisation of one case; several cases become channels side by side.
function casesAsChannels(x: tf.Tensor5D): tf.Tensor4D {
  const [b, depth, height, width, c] = x.shape;
  if (b === 1) return tf.reshape(x, [1, depth * height, width, c]);
  const voxels = depth * height * width;
  return tf.reshape(tf.transpose(tf.reshape(x, [b, voxels, c]), [1, 0, 2]), [1, voxels, 1, b * c]);
}

function channelsAsCases(y: tf.Tensor, shape: tf.Tensor5D['shape']): tf.Tensor5D {
  const [b, depth, height, width, c] = shape;
  if (b === 1) return tf.reshape(y, shape);
  return tf.reshape(tf.transpose(tf.reshape(y, [depth * height * width, b, c]), [1, 0, 2]), shape);
}

const tile = (v: tf.Tensor1D, times: number): tf.Tensor1D => (times === 1 ? v : tf.tile(v, [times]));
const sumCases = (v: tf.Tensor, cases: number): tf.Tensor1D =>
  cases === 1 ? (v as tf.Tensor1D) : tf.sum(tf.reshape(v, [cases, -1]), 0);

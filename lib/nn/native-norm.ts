import { elementsOf } from '../weights/weights.ts';
import type { Kernels } from './kernels.ts';
import { ATTRIBUTE, type Attribute, backend, FLOAT, flag, runMany, sumRows, text, type } from './native-operations.ts';
import { tf } from './tf.ts';

/**
 * Up to so many voxels TensorFlow may find mean and variance itself. On a CPU it adds up a channel's voxels one after
 * the other in float32: at 64³ a normalised value is off by 1e-4, at 128³ by more.
 */
const SHORT_SUM = 32_768;

// Instance normalisation is batch normalisation of one case; several cases become channels side by side.

export const instanceNorm: Kernels['instanceNorm'] = (x, scale, shift, epsilon) => {
  const b = x.shape[0];
  const rows = casesAsChannels(x);
  const [factor, offset] = [tile(scale, b), tile(shift, b)];
  if (elementsOf(x.shape.slice(1, 4)) <= SHORT_SUM || backend().isUsingGpuDevice) {
    const none = tf.tensor1d([], 'float32');
    const [y, , , ...saved] = batchNorm([rows, factor, offset, none, none], epsilon, true);
    return { y: channelsAsCases(y!, x.shape), saved };
  }
  const { mean, variance } = moments(rows);
  const [y] = batchNorm([rows, factor, offset, mean, variance], epsilon, false);
  // What the gradient takes on a CPU; its last input is for GPUs.
  return { y: channelsAsCases(y!, x.shape), saved: [mean, variance, mean] };
};

export const instanceNormGradient: Kernels['instanceNormGradient'] = (dy, x, scale, saved, epsilon) => {
  const b = x.shape[0];
  const [dx, dScale, dShift] = runMany(
    'FusedBatchNormGradV3',
    [casesAsChannels(dy), casesAsChannels(x), tile(scale, b), ...saved],
    attributes(epsilon, true),
    5,
  );
  return [channelsAsCases(dx!, x.shape), sumCases(dScale!, b), sumCases(dShift!, b)];
};

/**
 * Mean and biased variance of each channel, from those of its columns of voxels: with m their means and v their
 * variances, mean(v) + mean((m - mean(m))²).
 */
function moments(rows: tf.Tensor4D): { readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D } {
  const [, height, width, channels] = rows.shape;
  return tf.tidy(() => {
    const columns = width * channels;
    const none = tf.tensor1d([], 'float32');
    const affine = [tf.ones([columns]), tf.zeros([columns])];
    const inputs = [tf.reshape(rows, [1, height, 1, columns]), ...affine, none, none];
    const [, means, variances] = batchNorm(inputs, 0, true).map((t) => tf.reshape(t, [-1, channels]) as tf.Tensor2D);
    const average = (x: tf.Tensor2D) => tf.div(sumRows(x), width) as tf.Tensor1D;
    const mean = average(means!);
    // What TensorFlow returns is the unbiased variance.
    const within = tf.mul(average(variances!), (height - 1) / height);
    return { mean, variance: tf.add(within, average(tf.squaredDifference(means!, mean))) as tf.Tensor1D };
  });
}

const batchNorm = (inputs: readonly tf.Tensor[], epsilon: number, training: boolean): tf.Tensor[] =>
  runMany('FusedBatchNormV3', inputs, attributes(epsilon, training), 6);

const attributes = (epsilon: number, training: boolean): readonly Attribute[] => [
  FLOAT,
  type('U', 'float32'),
  { name: 'epsilon', type: ATTRIBUTE.float, value: epsilon },
  text('data_format', 'NHWC'),
  flag('is_training', training),
];
function casesAsChannels(x: tf.Tensor5D): tf.Tensor4D {
  const [b, depth, height, width, c] = x.shape;
  const rows = b === 1 ? x : tf.transpose(tf.reshape(x, [b, depth * height * width, c]), [1, 0, 2]);
  return tf.reshape(rows, [1, depth * height, width, b * c]);
}

function channelsAsCases(y: tf.Tensor, shape: tf.Tensor5D['shape']): tf.Tensor5D {
  const [b, depth, height, width, c] = shape;
  if (b === 1) return tf.reshape(y, shape);
  return tf.reshape(tf.transpose(tf.reshape(y, [depth * height * width, b, c]), [1, 0, 2]), shape);
}

const tile = (v: tf.Tensor1D, times: number): tf.Tensor1D => (times === 1 ? v : tf.tile(v, [times]));
const sumCases = (v: tf.Tensor, cases: number): tf.Tensor1D =>
  cases === 1 ? (v as tf.Tensor1D) : tf.sum(tf.reshape(v, [cases, -1]), 0);

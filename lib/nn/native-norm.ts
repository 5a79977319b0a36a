import { elementsOf } from '../weights/weights.ts';
import type { Kernels } from './kernel-interface.ts';
import { ATTRIBUTE, type Attribute, backend, FLOAT, flag, runMany, text, type } from './native-operations.ts';
import { tf } from './tf.ts';

/**
 * Up to this many voxels TensorFlow may compute mean and variance itself. On a CPU it adds up a channel's voxels
 * sequentially in float32: at 64³ a normalised value is off by 3e-4, at 128³ by more.
 */
const SHORT_SUM = 32_768;

/** Tensors kept per case for the gradient: x and the last three inputs of FusedBatchNormGradV3. */
const SAVED = 4;

// Instance normalisation is batch normalisation of one case, whose planes z are the batch. With four axes TensorFlow
// calls oneDNN, which takes a seventh of the time of its own loop for five.

export const instanceNorm: Kernels['instanceNorm'] = (x, scale, shift, epsilon) => {
  const exact = elementsOf(x.shape.slice(1, 4)) > SHORT_SUM && !backend().isUsingGpuDevice;
  const normalise = exact ? normaliseExactly : normaliseAtOnce;
  const results = cases(x).map((one) => normalise(one, scale, shift, epsilon));
  return { y: joined(results.map(({ y }) => y)), saved: results.flatMap(({ saved }) => saved) };
};

export const instanceNormGradient: Kernels['instanceNormGradient'] = (dy, scale, saved, epsilon) => {
  const results = cases(dy).map((one, i) => {
    const [x, ...kept] = saved.slice(i * SAVED, (i + 1) * SAVED);
    return runMany('FusedBatchNormGradV3', [one, x!, scale, ...kept], attributes(epsilon, true), 5);
  });
  const [dx, dScale, dShift] = [0, 1, 2].map((output) => results.map((outputs) => outputs[output]!));
  return [joined(dx as tf.Tensor4D[]), tf.addN(dScale!) as tf.Tensor1D, tf.addN(dShift!) as tf.Tensor1D];
};

interface NormalisedCase {
  readonly y: tf.Tensor4D;
  readonly saved: readonly tf.Tensor[];
}
type Normalise = (x: tf.Tensor4D, scale: tf.Tensor1D, shift: tf.Tensor1D, epsilon: number) => NormalisedCase;

const normaliseAtOnce: Normalise = (x, scale, shift, epsilon) => {
  const none = tf.tensor1d([], 'float32');
  const [y, , , ...saved] = batchNorm([x, scale, shift, none, none], epsilon, true);
  return { y: y as tf.Tensor4D, saved: [x, ...saved] };
};

const normaliseExactly: Normalise = (x, scale, shift, epsilon) => {
  const { mean, variance } = moments(x);
  const [y] = batchNorm([x, scale, shift, mean, variance], epsilon, false);
  // Only GPUs use the third.
  return { y: y as tf.Tensor4D, saved: [x, mean, variance, mean] };
};

/**
 * Mean and biased variance of each channel of one case, from those of its columns of voxels. With their means m and
 * variances v, the variance is mean(v) + mean((m - mean(m))²).
 */
function moments(x: tf.Tensor4D): { readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D } {
  const [depth, height, width, channels] = x.shape;
  const rows = depth * height;
  return tf.tidy(() => {
    const columns = width * channels;
    const none = tf.tensor1d([], 'float32');
    const affine = [tf.ones([columns]), tf.zeros([columns])];
    const inputs = [tf.reshape(x, [1, rows, 1, columns]), ...affine, none, none];
    const [, means, variances] = batchNorm(inputs, 0, true);
    const byColumn = (values: tf.Tensor) => tf.reshape(values, [width, channels]) as tf.Tensor2D;
    const average = (values: tf.Tensor) => tf.mean(byColumn(values), 0) as tf.Tensor1D;
    const mean = average(means!);
    // TensorFlow returns the unbiased variance.
    const within = tf.mul(average(variances!), (rows - 1) / rows);
    const between = average(tf.squaredDifference(byColumn(means!), mean));
    return { mean, variance: tf.add(within, between) as tf.Tensor1D };
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

/** The cases as [z, y, x, c], without copying. */
const cases = (x: tf.Tensor5D): readonly tf.Tensor4D[] => tf.unstack(x) as tf.Tensor4D[];
const joined = (parts: readonly tf.Tensor4D[]): tf.Tensor5D =>
  (parts.length === 1 ? tf.expandDims(parts[0]!) : tf.stack([...parts])) as tf.Tensor5D;

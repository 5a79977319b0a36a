import { kernels } from './backend-kernels.ts';
import { differentiable } from './differentiable.ts';
import { tf } from './tf.ts';

/** PyTorch's default for both norms. */
const EPSILON = 1e-5;
/** Slope of the negative side of nnU-Net's and MONAI's leaky ReLU. */
const SLOPE = 0.01;

/** Scale and shift, [channel] each. */
export interface Affine {
  readonly scale: tf.Tensor1D;
  readonly shift: tf.Tensor1D;
}

/**
 * Instance normalisation, as PyTorch's `InstanceNorm3d`: each channel of each case to mean 0 and variance 1 over its
 * voxels. x is [b, z, y, x, c].
 */
export function instanceNorm(x: tf.Tensor5D, affine?: Affine): tf.Tensor5D {
  const k = kernels();
  const { scale, shift } = affine ?? unitAffine(x);
  return differentiable<tf.Tensor5D>(
    affine ? [x, scale, shift] : [x],
    () => {
      const { y, saved } = k.instanceNorm(x, scale, shift, EPSILON);
      return { value: y, saved: [scale, ...saved] };
    },
    (dy, [factor, ...saved]) => {
      const gradients = k.instanceNormGradient(dy, factor as tf.Tensor1D, saved, EPSILON);
      return affine ? gradients : [gradients[0]];
    },
  );
}

/**
 * Leaky ReLU of the instance norm of x plus a shortcut: x if positive, otherwise 0.01·x. It is one operation because
 * the sum before the ReLU need not be kept: the sign of the result gives the gradient.
 *
 * @param x [b, z, y, x, c], like the shortcut
 */
export function instanceNormRelu(
  x: tf.Tensor5D,
  { affine, shortcut }: { readonly affine?: Affine; readonly shortcut?: tf.Tensor5D } = {},
): tf.Tensor5D {
  const k = kernels();
  const { scale, shift } = affine ?? unitAffine(x);
  return differentiable<tf.Tensor5D>(
    [x, ...(affine ? [scale, shift] : []), ...(shortcut ? [shortcut] : [])],
    () => {
      const { y, saved } = k.instanceNorm(x, scale, shift, EPSILON);
      const value = k.leakyRelu(shortcut ? (tf.add(y, shortcut) as tf.Tensor5D) : y, SLOPE);
      return { value, saved: [value, scale, ...saved] };
    },
    (dy, [value, factor, ...saved]) => {
      const dSum = k.leakyReluGradient(dy, value as tf.Tensor5D, SLOPE);
      const [dx, ...dAffine] = k.instanceNormGradient(dSum, factor as tf.Tensor1D, saved, EPSILON);
      return [dx, ...(affine ? dAffine : []), ...(shortcut ? [dSum] : [])];
    },
  );
}

const unitAffine = (x: tf.Tensor5D): Affine => ({ scale: tf.ones([x.shape[4]]), shift: tf.zeros([x.shape[4]]) });

/** Layer normalisation, as PyTorch's `LayerNorm`: each row to mean 0 and variance 1. x is [rows, c]. */
export function layerNorm(x: tf.Tensor2D, affine?: Affine): tf.Tensor2D {
  const unit = standardiseRows(x);
  if (!affine) return unit;
  const k = kernels();
  const { scale, shift } = affine;
  return differentiable<tf.Tensor2D>(
    [unit, scale, shift],
    () => ({ value: k.addBias(tf.mul(unit, scale), shift), saved: [unit, scale] }),
    (dy, [y, factor]) => [tf.mul(dy, factor!), k.sumRows(tf.mul(dy, y!)), k.sumRows(dy)],
  );
}

// With y = (x - mean)/σ, dx = (dy - mean(dy) - y·mean(dy·y))/σ, means over the row.
const standardiseRows = (x: tf.Tensor2D): tf.Tensor2D =>
  differentiable<tf.Tensor2D>(
    [x],
    () => {
      const centred = tf.sub(x, tf.mean(x, 1, true));
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), EPSILON));
      const value = tf.mul(centred, inverse) as tf.Tensor2D;
      return { value, saved: [value, inverse] };
    },
    (dy, [y, inverse]) => {
      const along = tf.mul(y!, tf.mean(tf.mul(dy, y!), 1, true));
      return [tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, 1, true)), along), inverse!)];
    },
  );

import { differentiable } from './differentiable.ts';
import { kernels } from './kernels.ts';
import { tf } from './tf.ts';

/** nnU-Net's and MONAI's slope of the negative side. */
const SLOPE = 0.01;

/** x where positive, 0.01·x elsewhere. */
export function leakyRelu(x: tf.Tensor5D): tf.Tensor5D {
  const k = kernels();
  return differentiable<tf.Tensor5D>(
    [x],
    () => ({ value: k.leakyRelu(x, SLOPE), saved: [x] }),
    (dy, [input]) => [k.leakyReluGradient(dy, input as tf.Tensor5D, SLOPE)],
  );
}

/** x·Φ(x) with the exact normal distribution Φ, as PyTorch's `GELU` (not its tanh approximation). */
export const gelu = (x: tf.Tensor2D): tf.Tensor2D =>
  differentiable<tf.Tensor2D>(
    [x],
    () => {
      const phi = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
      return { value: tf.mul(x, phi), saved: [x, phi] };
    },
    (dy, [input, phi]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(input!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [tf.mul(dy, tf.add(phi!, tf.mul(input!, density)))];
    },
  );

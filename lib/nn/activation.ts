import { differentiable } from './differentiable.ts';
import { tf } from './tf.ts';

/** x·Φ(x) with the exact normal distribution function Φ, as PyTorch's `GELU` (not its tanh approximation). */
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

import { differentiable } from './differentiable.ts';
import { kernels } from './kernels.ts';
import type { tf } from './tf.ts';

/**
 * x·W + b over rows.
 *
 * @param x [rows, in]; weight [in, out], or [out, in] when `transposed`; bias [out].
 */
export function linear(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias?: tf.Tensor1D,
  { transposed = false }: { readonly transposed?: boolean } = {},
): tf.Tensor2D {
  const k = kernels();
  return differentiable<tf.Tensor2D>(
    bias ? [x, weight, bias] : [x, weight],
    () => {
      const product = k.matMul(x, weight, false, transposed);
      return { value: bias ? k.addBias(product, bias) : product, saved: [x, weight] };
    },
    (dy, [rows, matrix]) => {
      const dx = k.matMul(dy, matrix as tf.Tensor2D, false, !transposed);
      const dWeight = transposed ? k.matMul(dy, rows as tf.Tensor2D, true) : k.matMul(rows as tf.Tensor2D, dy, true);
      return bias ? [dx, dWeight, k.sumRows(dy)] : [dx, dWeight];
    },
  );
}

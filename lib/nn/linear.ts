import { kernels } from './backend-kernels.ts';
import { differentiable } from './differentiable.ts';
import type { tf } from './tf.ts';

/** x·W + b over rows: x [rows, in]; weight [in, out]; bias [out]. */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor2D {
  const k = kernels();
  return differentiable<tf.Tensor2D>(
    bias ? [x, weight, bias] : [x, weight],
    () => {
      const product = k.matMul(x, weight);
      return { value: bias ? k.addBias(product, bias) : product, saved: [x, weight] };
    },
    (dy, [rows, matrix]) => {
      const dx = k.matMul(dy, matrix as tf.Tensor2D, false, true);
      const dWeight = k.matMul(rows as tf.Tensor2D, dy, true);
      return bias ? [dx, dWeight, k.sumRows(dy)] : [dx, dWeight];
    },
  );
}

import { FedcardioError } from '../error.ts';
import type { AdamW } from './adamw.ts';
import { tf } from './tf.ts';

/**
 * One optimiser step along the mean gradient of some losses, one for each part of a batch that does not fit into memory
 * at once. A variable that a loss does not reach has gradient 0 there.
 *
 * @param losses each computes a loss from the variables' current values; they run sequentially
 * @returns the mean of the losses before the step
 * @throws FedcardioError `TRAINING_DIVERGED` if a loss or the gradient is not finite; the variables are then unchanged
 */
export function trainStep(
  variables: Iterable<tf.Variable>,
  optimizer: AdamW,
  learningRate: number,
  ...losses: readonly (() => tf.Scalar)[]
): number {
  const list = [...variables];
  return tf.tidy(() => {
    let mean = 0;
    const sum: tf.NamedTensorMap = {};
    for (const loss of losses) {
      const share = losses.length === 1 ? loss : () => tf.div(loss(), losses.length) as tf.Scalar;
      const { value, grads } = tf.tidy(() => tf.variableGrads(share, list));
      mean += value.dataSync()[0]!;
      if (!Number.isFinite(mean)) {
        throw new FedcardioError('TRAINING_DIVERGED', `the loss became ${mean}.`, { hint: DIVERGED_HINT });
      }
      value.dispose();
      for (const [name, gradient] of Object.entries(grads)) sum[name] = plus(sum[name], gradient);
    }
    const norm = optimizer.step(sum, learningRate);
    if (!Number.isFinite(norm)) {
      throw new FedcardioError('TRAINING_DIVERGED', `the norm of the gradient became ${norm}.`, {
        hint: DIVERGED_HINT,
      });
    }
    return mean;
  });
}

const DIVERGED_HINT = 'Lower the learning rate, or look for damaged values in the images.';

/** Consumes both tensors, so that memory holds one sum for any number of parts. */
function plus(sum: tf.Tensor | undefined, term: tf.Tensor): tf.Tensor {
  if (!sum) return term;
  const total = tf.add(sum, term);
  tf.dispose([sum, term]);
  return total;
}

import { FedcardioError } from '../error.ts';
import type { AdamW } from './adamw.ts';
import { tf } from './tf.ts';

/**
 * One step of gradient descent along the mean of the gradients of some losses, one for each part of a batch that need
 * not fit into memory at once. Where a loss does not reach a variable, its gradient counts as 0.
 *
 * @param losses each computes a loss from the variables' present values, one after the other.
 * @returns the mean of the losses before the step.
 * @throws FedcardioError `TRAINING_DIVERGED` when a loss or the gradient is not finite; the variables are unchanged then.
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
        throw new FedcardioError('TRAINING_DIVERGED', `the loss became ${mean}`, { hint: DIVERGED_HINT });
      }
      value.dispose();
      for (const [name, gradient] of Object.entries(grads)) sum[name] = plus(sum[name], gradient);
    }
    const norm = optimizer.step(sum, learningRate);
    if (!Number.isFinite(norm)) {
      throw new FedcardioError('TRAINING_DIVERGED', `the norm of the gradient became ${norm}`, { hint: DIVERGED_HINT });
    }
    return mean;
  });
}

const DIVERGED_HINT = 'Lower the learning rate, or look for damaged values in the images.';

/** Takes both over: memory holds one sum, however many parts there are. */
function plus(sum: tf.Tensor | undefined, term: tf.Tensor): tf.Tensor {
  if (!sum) return term;
  const total = tf.add(sum, term);
  tf.dispose([sum, term]);
  return total;
}

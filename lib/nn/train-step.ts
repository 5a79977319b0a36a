import { FedcardioError } from '../error.ts';
import type { AdamW } from './adamw.ts';
import { tf } from './tf.ts';

/**
 * One step of gradient descent.
 *
 * @param loss computes the loss from the variables' present values.
 * @returns the loss before the step.
 * @throws FedcardioError `TRAINING_DIVERGED` when the loss is not a finite number; the variables are unchanged then.
 */
export function trainStep(
  variables: Iterable<tf.Variable>,
  optimizer: AdamW,
  learningRate: number,
  loss: () => tf.Scalar,
): number {
  return tf.tidy(() => {
    const list = [...variables];
    const { value, grads } = tf.variableGrads(loss, list);
    const before = value.dataSync()[0]!;
    if (!Number.isFinite(before)) {
      throw new FedcardioError('TRAINING_DIVERGED', `the loss became ${before}`, {
        hint: 'Lower the learning rate, or look for damaged values in the images.',
      });
    }
    optimizer.step(grads, learningRate);
    return before;
  });
}

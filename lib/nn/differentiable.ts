import { tf } from './tf.ts';

/**
 * An operation with its own gradient, for which TensorFlow.js has none, a slow one or a wrong one.
 *
 * @param inputs tensors that gradients are computed for; the closure may use other tensors
 * @param forward the value, and the tensors that the gradient needs (only these survive until then)
 * @param gradients from the gradient of the value and the saved tensors, one gradient per input, in order. The saved
 *   tensors are freed after it; TensorFlow.js would keep them until the end of the step.
 */
export function differentiable<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: () => { readonly value: T; readonly saved: readonly tf.Tensor[] },
  gradients: (dy: T, saved: readonly tf.Tensor[]) => readonly tf.Tensor[],
): T {
  const operation = tf.customGrad((...args) => {
    const save = args.at(-1) as (tensors: tf.Tensor[]) => void;
    const { value, saved } = forward();
    save([...saved]);
    const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]) => {
      const results = tf.tidy(() => [...gradients(dy as T, kept)]);
      tf.dispose(kept);
      return results;
    };
    return { value, gradFunc };
  });
  return operation(...inputs) as T;
}

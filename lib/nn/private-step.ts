import { FedcardioError } from '../error.ts';
import type { AdamW } from './adamw.ts';
import { tf } from './tf.ts';

/** How single gradients are hidden in a step: DP-SGD (Abadi et al. 2016, arXiv:1607.00133, algorithm 1). */
export interface PrivateGradient {
  /** L2 norm over all variables that the gradient of each loss is clipped to. */
  readonly clip: number;
  /** The noisy sum is divided by this, however many losses there are. */
  readonly divisor: number;
  /** Noise for the sum of the variable at a position, which determines it: a sum that differs in anything gets other noise. */
  readonly noise: (position: number, sum: Float32Array) => Float32Array;
}

/**
 * One optimiser step along the sum of clipped gradients plus noise. Each loss is that of one case. Without any loss the step
 * follows the noise alone: that a step had no case must not show.
 *
 * @param variables all of them get noise, also those that no loss reaches
 * @returns the mean of the losses before the step; undefined without any
 * @throws FedcardioError `TRAINING_DIVERGED` if a loss or a gradient is not finite; the variables are then unchanged
 */
export function privateStep(
  variables: Iterable<tf.Variable>,
  optimizer: Pick<AdamW, 'step'>,
  learningRate: number,
  losses: readonly (() => tf.Scalar)[],
  terms: PrivateGradient,
): number | undefined {
  const list = [...variables];
  return tf.tidy(() => {
    const sums = new Map<string, tf.Tensor>();
    let total = 0;
    for (const loss of losses) {
      const { value, gradients } = clippedGradient(list, loss, terms.clip);
      total += value;
      for (const [name, gradient] of gradients) {
        const before = sums.get(name);
        sums.set(name, before ? tf.add(before, gradient) : gradient);
        if (before) tf.dispose([before, gradient]);
      }
    }
    const noisy = list.map(({ name, shape, size }, position) => {
      const sum = sums.get(name);
      const noise = tf.tensor(
        terms.noise(position, (sum?.dataSync() as Float32Array | undefined) ?? new Float32Array(size)),
        shape,
      );
      return [name, tf.div(sum ? tf.add(sum, noise) : noise, terms.divisor)] as const;
    });
    const norm = optimizer.step(Object.fromEntries(noisy), learningRate);
    if (!Number.isFinite(norm)) throw diverged(`the norm of the gradient became ${norm}`);
    return losses.length === 0 ? undefined : total / losses.length;
  });
}

/** The loss and its gradient, scaled down to a norm of at most `clip`. */
function clippedGradient(list: tf.Variable[], loss: () => tf.Scalar, clip: number) {
  const { value, grads } = tf.tidy(() => tf.variableGrads(loss, list));
  const found = value.dataSync()[0] as number;
  value.dispose();
  if (!Number.isFinite(found)) throw diverged(`the loss became ${found}`);
  const entries = Object.entries(grads);
  const norm = Math.sqrt(
    tf.tidy(() => tf.addN(entries.map(([, gradient]) => tf.sum(tf.square(gradient)))).dataSync()[0] as number),
  );
  if (!Number.isFinite(norm)) throw diverged(`the norm of a gradient became ${norm}`);
  if (norm <= clip) return { value: found, gradients: entries };
  const scaled = entries.map(([name, gradient]) => [name, tf.mul(gradient, clip / norm)] as [string, tf.Tensor]);
  tf.dispose(grads);
  return { value: found, gradients: scaled };
}

const diverged = (what: string): FedcardioError =>
  new FedcardioError('TRAINING_DIVERGED', `${what}.`, {
    hint: 'Lower the learning rate, or look for damaged values in the images.',
  });

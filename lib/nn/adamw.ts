import type { Weights } from '../weights/weights.ts';
import { assignValues, currentValues, disposeGroup, type Group, gradientOf, groupsOf, pulled } from './adamw-groups.ts';
import { loadState, readState } from './adamw-state.ts';
import { tf } from './tf.ts';

export interface AdamWOptions {
  /** Decoupled weight decay: each step subtracts learningRate·weightDecay of every value. */
  readonly weightDecay?: number;
  /** Gradients are scaled down to this Euclidean norm over all variables. */
  readonly gradientClip?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /**
   * Variables are updated in groups. A group without a gradient in a step, such as the head of a task that no case in
   * the batch has, keeps its values and moments. By default all variables are one group.
   */
  readonly group?: (name: string) => string;
  /**
   * μ of FedProx (Li et al. 2020, equation 2) by group; 0, the default, for none. The term (μ/2)·‖w − w₀‖² is part of
   * the loss, so that its gradient μ·(w − w₀) takes part in clipping and moments, unlike the decoupled weight decay. w₀
   * are the values at creation, kept as one copy.
   */
  readonly proximal?: (group: string) => number;
  /**
   * λ of a pull to the values at creation, w₀; 0, the default, for none. Decoupled like the weight decay: each step ends
   * with w ← w₀ + (w − w₀) / (1 + learningRate·λ), the proximal operator of (λ/2)·‖w − w₀‖². Any λ is stable.
   */
  readonly pull?: number;
  /** Replaces a group's gradient before it is clipped, in each step in which the group has one. */
  readonly correct?: ((group: Group, gradient: tf.Tensor1D) => tf.Tensor1D) | undefined;
}

export interface AdamW {
  /**
   * One update by gradients as `tf.variableGrads` returns them, by `variable.name`.
   *
   * @returns their Euclidean norm before clipping; if it is not finite, nothing was updated
   */
  step(gradients: Readonly<Record<string, tf.Tensor>>, learningRate: number): number;
  /** Moments as `m/<name>` and `v/<name>`, and step counts as `steps/<group>`. */
  read(): Weights;
  /** Continues from a state that {@link read} returned for the same variables. Throws `BAD_WEIGHTS` for another. */
  load(state: Weights): void;
  dispose(): void;
}

/**
 * AdamW (Loshchilov & Hutter 2019) as in PyTorch, with gradient clipping. A network has some hundred variables, most of
 * them tiny, and an operation costs ten microseconds at any size. Moments and updates are therefore computed on one
 * flat vector per group.
 */
export function createAdamW(variables: ReadonlyMap<string, tf.Variable>, options: AdamWOptions = {}): AdamW {
  const { weightDecay = 0, gradientClip, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const { group: groupOf = () => 'all', proximal = () => 0, pull = 0, correct = (_, gradient) => gradient } = options;
  const groups = groupsOf(variables, groupOf, proximal, pull);

  const update = (group: Group, { gradient, square }: FlatGradient, factor: tf.Scalar, learningRate: number): void => {
    group.steps++;
    // Tensors as large as the network are freed as early as possible.
    const m = tf.tidy(() => tf.add(tf.mul(group.m, beta1), tf.mul(gradient, tf.mul(factor, 1 - beta1))));
    const v = tf.tidy(() => tf.add(tf.mul(group.v, beta2), tf.mul(square, tf.mul(tf.square(factor), 1 - beta2))));
    tf.dispose([gradient, square]);
    // m/bias1 over √(v/bias2) + ε, with the constants combined.
    const bias1 = 1 - beta1 ** group.steps;
    const bias2 = Math.sqrt(1 - beta2 ** group.steps);
    const values = tf.tidy(() => {
      const change = tf.div(tf.mul(m, (learningRate * bias2) / bias1), tf.add(tf.sqrt(v), epsilon * bias2));
      const stepped = tf.sub(tf.mul(currentValues(group), 1 - learningRate * weightDecay), change) as tf.Tensor1D;
      return pulled(group, stepped, learningRate);
    });
    group.m.assign(m as tf.Tensor1D);
    group.v.assign(v as tf.Tensor1D);
    assignValues(group, values);
  };

  return {
    step: (gradients, learningRate) =>
      tf.tidy(() => {
        const active = groups
          .filter(({ variables: members }) => members.some(([, { name }]) => gradients[name]))
          .map((group) => {
            const gradient = correct(group, gradientOf(group, gradients));
            return { group, gradient, square: tf.square(gradient) };
          });
        const norm = Math.sqrt(tf.addN(active.map(({ square }) => tf.sum(square))).dataSync()[0]!);
        if (!Number.isFinite(norm)) return norm;
        const factor = tf.scalar(gradientClip === undefined ? 1 : Math.min(gradientClip / (norm + 1e-6), 1));
        for (const { group, ...gradient } of active) update(group, gradient, factor, learningRate);
        return norm;
      }),
    read: () => readState(groups),
    load: (state) => loadState(groups, state),
    dispose: () => groups.forEach(disposeGroup),
  };
}

interface FlatGradient {
  readonly gradient: tf.Tensor1D;
  readonly square: tf.Tensor1D;
}

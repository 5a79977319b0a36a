import { FedcardioError } from '../error.ts';
import { belowPrefix } from '../weights/prefixed.ts';
import type { Weights, WeightTensor } from '../weights/weights.ts';
import { type Group, places } from './adamw-groups.ts';
import { tf } from './tf.ts';

/** SCAFFOLD's part in a site's steps. */
export interface ControlVariates {
  /** A group's gradient plus its correction. The gradient without it is added to the group's mean. */
  correct(group: Group, gradient: tf.Tensor1D): tf.Tensor1D;
  /**
   * The mean gradient, without corrections, of each variable over the steps in which its group had one; no entry for a
   * group without such a step. It is the site's next control variate.
   */
  means(): Weights;
  /** Sums and counts, to continue after an interruption. */
  read(): Weights;
  dispose(): void;
}

/**
 * Corrects the gradients of a round (SCAFFOLD, Karimireddy et al. 2020, algorithm 1) and takes their mean. With steps of
 * plain gradient descent at one learning rate the mean equals the paper's option II, c − cᵢ + (w₀ − w) / (steps·η).
 *
 * @param correction c − cᵢ by variable: the federation's control variate minus the site's own. Undefined in a round
 *   without them
 * @param state of an interrupted round, as {@link ControlVariates.read} returned it
 */
export function createControlVariates(correction: Weights | undefined, state: Weights | undefined): ControlVariates {
  const groups = new Map<string, Sums>();

  function sumsOf(group: Group): Sums {
    const known = groups.get(group.name);
    if (known) return known;
    const first = group.variables[0]?.[0] ?? '';
    const steps = state?.get(COUNT + first)?.data[0] ?? 0;
    const sum = state && steps > 0 ? flat(group, belowPrefix(SUM, state)) : new Float32Array(group.m.size);
    const added = correction && flat(group, correction);
    // Only now: `flat` throws if a tensor does not fit, and a variable made before would never be disposed.
    const created = { group, correction: added && variable(added), sum: variable(sum), steps };
    groups.set(group.name, created);
    return created;
  }

  /** A group without a step since the interruption has its earlier state. */
  const read = (): Weights => new Map([...(state ?? []), ...[...groups.values()].flatMap(stateOf)]);

  return {
    correct: (group, gradient) => {
      const sums = sumsOf(group);
      tf.tidy(() => sums.sum.assign(tf.add(sums.sum, gradient)));
      sums.steps++;
      return sums.correction ? tf.add(gradient, sums.correction) : gradient;
    },
    means: () => {
      const all = read();
      return new Map(
        [...belowPrefix(SUM, all)].map(([name, { shape, data }]) => {
          const steps = all.get(COUNT + name)?.data[0] ?? Number.NaN;
          return [name, { dtype: 'F32', shape, data: data.map((sum) => sum / steps) }];
        }),
      );
    },
    read,
    dispose: () => {
      for (const sums of groups.values()) tf.dispose([sums.sum, ...(sums.correction ? [sums.correction] : [])]);
    },
  };
}

interface Sums {
  readonly group: Group;
  readonly correction: tf.Variable<tf.Rank.R1> | undefined;
  readonly sum: tf.Variable<tf.Rank.R1>;
  steps: number;
}

const SUM = 'sum/';
const COUNT = 'count/';

function stateOf({ group, sum, steps }: Sums): readonly (readonly [string, WeightTensor])[] {
  const values = sum.dataSync();
  return places(group).flatMap(({ name, shape, start, end }) => [
    [SUM + name, { dtype: 'F32', shape: [...shape], data: Float32Array.from(values.slice(start, end)) }],
    [COUNT + name, { dtype: 'F32', shape: [1], data: Float32Array.of(steps) }],
  ]);
}

/** Outlives the step in which it is made. */
const variable = (data: Float32Array): tf.Variable<tf.Rank.R1> => tf.tidy(() => tf.variable(tf.tensor1d(data), false));

/** A group's part of the tensors, one after the other. */
function flat(group: Group, tensors: Weights): Float32Array {
  const data = new Float32Array(group.m.size);
  for (const { name, start, end } of places(group)) {
    const values = tensors.get(name)?.data;
    if (values?.length !== end - start) {
      throw new FedcardioError('BAD_WEIGHTS', `the control variate of ${name} is missing or has another size.`, {
        hint: 'It belongs to another network.',
      });
    }
    data.set(values, start);
  }
  return data;
}

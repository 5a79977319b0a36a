import { FedcardioError } from '../error.ts';
import { elementsOf, type Weights, type WeightTensor } from '../weights/weights.ts';
import { kernels } from './kernels.ts';
import { tf } from './tf.ts';

export interface AdamWOptions {
  /** Decoupled weight decay: each step takes learningRate·weightDecay of every value away. */
  readonly weightDecay?: number;
  /** Gradients are scaled down to this Euclidean norm over all variables. */
  readonly gradientClip?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /**
   * Variables are updated in groups: a group without a gradient in a step, as the head of a task that no case of
   * the batch has, is left alone, moments and all. By default all are one group.
   */
  readonly group?: (name: string) => string;
}

export interface AdamW {
  /** One update by gradients as `tf.variableGrads` returns them, by `variable.name`. */
  step(gradients: Readonly<Record<string, tf.Tensor>>, learningRate: number): void;
  /** Moments by `m/<name>` and `v/<name>`, and steps taken by `steps/<group>`. */
  read(): Weights;
  /** Goes on from a state that {@link read} returned for the same variables; `BAD_WEIGHTS` for another. */
  load(state: Weights): void;
  dispose(): void;
}

/** Variables that are updated together: their values and moments one after the other in flat vectors. */
interface Group {
  readonly name: string;
  readonly variables: readonly (readonly [name: string, variable: tf.Variable])[];
  readonly m: tf.Variable<tf.Rank.R1>;
  readonly v: tf.Variable<tf.Rank.R1>;
  /** The values as the last step left them, good while the variables still hold the tensors it gave them. */
  readonly values: tf.Variable<tf.Rank.R1>;
  assigned: readonly tf.Tensor['dataId'][];
  steps: number;
}

/**
 * AdamW (Loshchilov & Hutter 2019) as PyTorch's, with gradient clipping. A network has some hundred variables, most
 * of them tiny, and an operation costs ten microseconds whatever its size: moments and updates are therefore
 * computed on one flat vector a group.
 */
export function createAdamW(variables: ReadonlyMap<string, tf.Variable>, options: AdamWOptions = {}): AdamW {
  const { weightDecay = 0, gradientClip, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const groups = groupsOf(variables, options.group ?? (() => 'all'));

  const update = (group: Group, { gradient, square }: FlatGradient, factor: tf.Scalar, learningRate: number): void => {
    group.steps++;
    const m = tf.add(tf.mul(group.m, beta1), tf.mul(gradient, tf.mul(factor, 1 - beta1)));
    const v = tf.add(tf.mul(group.v, beta2), tf.mul(square, tf.mul(tf.square(factor), 1 - beta2)));
    // m/bias1 over √(v/bias2) + ε, with the constants gathered.
    const bias1 = 1 - beta1 ** group.steps;
    const bias2 = Math.sqrt(1 - beta2 ** group.steps);
    const change = tf.div(tf.mul(m, (learningRate * bias2) / bias1), tf.add(tf.sqrt(v), epsilon * bias2));
    const values = tf.sub(tf.mul(currentValues(group), 1 - learningRate * weightDecay), change) as tf.Tensor1D;
    group.m.assign(m as tf.Tensor1D);
    group.v.assign(v as tf.Tensor1D);
    group.values.assign(values);
    const sizes = group.variables.map(([, { size }]) => size);
    const parts = kernels().split(values, sizes);
    group.assigned = group.variables.map(([, variable], i) => {
      variable.assign(reshape(parts[i]!, variable.shape));
      return variable.dataId;
    });
  };

  return {
    step: (gradients, learningRate) =>
      tf.tidy(() => {
        const active = groups
          .filter(({ variables: members }) => members.some(([, { name }]) => gradients[name]))
          .map((group) => {
            const gradient = flat(
              group.variables.map(([, variable]) => gradients[variable.name] ?? tf.zerosLike(variable)),
            );
            return { group, gradient, square: tf.square(gradient) };
          });
        const factor = gradientClip === undefined ? tf.scalar(1) : clipFactor(active, gradientClip);
        for (const { group, ...gradient } of active) update(group, gradient, factor, learningRate);
      }),
    read: () =>
      new Map(
        groups.flatMap((group) => [
          [`steps/${group.name}`, tensor([1], Float32Array.of(group.steps))] as const,
          ...(['m', 'v'] as const).flatMap((moment) => {
            const data = Float32Array.from(group[moment].dataSync());
            return places(group).map(
              ({ name, shape, start, end }) => [`${moment}/${name}`, tensor(shape, data.slice(start, end))] as const,
            );
          }),
        ]),
      ),
    load: (state) => {
      for (const group of groups) checkState(group, state);
      for (const group of groups) {
        group.steps = state.get(`steps/${group.name}`)!.data[0]!;
        for (const moment of ['m', 'v'] as const) {
          const data = new Float32Array(group[moment].size);
          for (const { name, start } of places(group)) data.set(state.get(`${moment}/${name}`)!.data, start);
          tf.tidy(() => group[moment].assign(tf.tensor1d(data)));
        }
      }
    },
    dispose: () => {
      for (const { m, v, values } of groups) tf.dispose([m, v, values]);
    },
  };
}

function groupsOf(variables: ReadonlyMap<string, tf.Variable>, groupOf: (name: string) => string): readonly Group[] {
  const members = new Map<string, (readonly [string, tf.Variable])[]>();
  for (const entry of variables) {
    const name = groupOf(entry[0]);
    const known = members.get(name);
    if (known) known.push(entry);
    else members.set(name, [entry]);
  }
  return [...members].map(([name, entries]) => {
    const size = entries.reduce((total, [, variable]) => total + variable.size, 0);
    const vector = () => tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R1>([size]), false));
    return { name, variables: entries, m: vector(), v: vector(), values: vector(), assigned: [], steps: 0 };
  });
}

function places(group: Group): readonly { name: string; shape: readonly number[]; start: number; end: number }[] {
  let end = 0;
  return group.variables.map(([name, { shape, size }]) => {
    const start = end;
    end += size;
    return { name, shape, start, end };
  });
}

interface FlatGradient {
  readonly gradient: tf.Tensor1D;
  readonly square: tf.Tensor1D;
}

/** Values of a group's variables, gathered anew only if someone else has assigned to one since the last step. */
function currentValues(group: Group): tf.Tensor1D {
  const unchanged =
    group.assigned.length > 0 && group.variables.every(([, { dataId }], i) => dataId === group.assigned[i]);
  return unchanged ? group.values : flat(group.variables.map(([, variable]) => variable));
}

const flat = (tensors: readonly tf.Tensor[]): tf.Tensor1D =>
  tf.concat(tensors.map((x) => reshape(x, [x.size]) as tf.Tensor1D));

/** Where the shape is right already, a reshape would still be an operation. */
const reshape = (x: tf.Tensor, shape: number[]): tf.Tensor =>
  x.rank === 1 && shape.length === 1 ? x : tf.reshape(x, shape);

/** min(1, clip/norm) as a tensor: reading it would wait for the device. */
const clipFactor = (gradients: readonly FlatGradient[], clip: number): tf.Scalar => {
  const total = tf.addN(gradients.map(({ square }) => tf.sum(square)));
  return tf.minimum(tf.div(clip, tf.add(tf.sqrt(total), 1e-6)), 1) as tf.Scalar;
};

const tensor = (shape: readonly number[], data: Float32Array): WeightTensor => ({
  dtype: 'F32',
  shape: [...shape],
  data,
});

function checkState(group: Group, state: Weights): void {
  const expected = [
    { name: `steps/${group.name}`, size: 1 },
    ...group.variables.flatMap(([name, { shape }]) =>
      ['m', 'v'].map((moment) => ({ name: `${moment}/${name}`, size: elementsOf(shape) })),
    ),
  ];
  const wrong = expected.find(({ name, size }) => state.get(name)?.data.length !== size);
  if (!wrong) return;
  throw new FedcardioError(
    'BAD_WEIGHTS',
    `the optimiser state does not fit: ${wrong.name} is missing or of another size`,
    {
      hint: 'It belongs to another network; leave it out to start the moments from zero.',
    },
  );
}

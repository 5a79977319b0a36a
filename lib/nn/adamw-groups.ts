import { kernels } from './backend-kernels.ts';
import { tf } from './tf.ts';

/** Variables that AdamW updates together. Their values and moments are concatenated in flat vectors. */
export interface Group {
  readonly name: string;
  readonly variables: readonly (readonly [name: string, variable: tf.Variable])[];
  readonly m: tf.Variable<tf.Rank.R1>;
  readonly v: tf.Variable<tf.Rank.R1>;
  /** The values after the last step, valid while the variables still hold the tensors it assigned. */
  readonly values: tf.Variable<tf.Rank.R1>;
  assigned: readonly tf.Tensor['dataId'][];
  /** The values at creation, if the group is pulled to them, with the strengths of the proximal term and of the pull. */
  readonly anchor: { readonly proximal: number; readonly pull: number; readonly point: tf.Tensor1D } | undefined;
  steps: number;
}

/** The variables by group, with zero moments. `proximal` and `pull` are the strengths that pull a group to its current values. */
export function groupsOf(
  variables: ReadonlyMap<string, tf.Variable>,
  groupOf: (name: string) => string,
  proximalOf: (group: string) => number,
  pull: number,
): readonly Group[] {
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
    const proximal = proximalOf(name);
    const isFree = proximal === 0 && pull === 0;
    return {
      name,
      variables: entries,
      m: vector(),
      v: vector(),
      values: vector(),
      assigned: [],
      anchor: isFree ? undefined : { proximal, pull, point: tf.tidy(() => flat(entries.map(([, x]) => x))) },
      steps: 0,
    };
  });
}

export function disposeGroup({ m, v, values, anchor }: Group): void {
  tf.dispose([m, v, values]);
  anchor?.point.dispose();
}

/**
 * Values of a group's variables. They are gathered again only if other code has assigned to a variable since the last
 * step.
 */
export function currentValues(group: Group): tf.Tensor1D {
  const unchanged =
    group.assigned.length > 0 && group.variables.every(([, { dataId }], i) => dataId === group.assigned[i]);
  return unchanged ? group.values : flat(group.variables.map(([, variable]) => variable));
}

/** Assigns each variable of a group its part of the values. */
export function assignValues(group: Group, values: tf.Tensor1D): void {
  group.values.assign(values);
  const sizes = group.variables.map(([, { size }]) => size);
  const parts = kernels().split(values, sizes);
  group.assigned = group.variables.map(([, variable], i) => {
    variable.assign(reshape(parts[i]!, variable.shape));
    return variable.dataId;
  });
}

/** A group's gradient: that of the loss, zero for variables it does not reach, plus that of the proximal term. */
export function gradientOf(group: Group, gradients: Readonly<Record<string, tf.Tensor>>): tf.Tensor1D {
  const gradient = flat(group.variables.map(([, variable]) => gradients[variable.name] ?? tf.zerosLike(variable)));
  if (!group.anchor || group.anchor.proximal === 0) return gradient;
  const { proximal, point } = group.anchor;
  return tf.add(gradient, tf.mul(tf.sub(currentValues(group), point), proximal));
}

/**
 * A group's values after the pull λ to its anchor: the point p that minimises ‖p − w‖²/2 + η·λ·‖p − w₀‖²/2, with
 * learning rate η.
 */
export function pulled({ anchor }: Group, values: tf.Tensor1D, learningRate: number): tf.Tensor1D {
  if (!anchor || anchor.pull === 0) return values;
  return tf.add(anchor.point, tf.div(tf.sub(values, anchor.point), 1 + learningRate * anchor.pull));
}

/** Where each variable of a group is in its flat vectors. */
export function places({
  variables,
}: Group): readonly { name: string; shape: readonly number[]; start: number; end: number }[] {
  let end = 0;
  return variables.map(([name, { shape, size }]) => {
    const start = end;
    end += size;
    return { name, shape, start, end };
  });
}

const flat = (tensors: readonly tf.Tensor[]): tf.Tensor1D =>
  tf.concat(tensors.map((x) => reshape(x, [x.size]) as tf.Tensor1D));

/** Reshapes only if needed: reshaping to the same shape is still an operation. */
const reshape = (x: tf.Tensor, shape: number[]): tf.Tensor =>
  x.rank === 1 && shape.length === 1 ? x : tf.reshape(x, shape);

import { kernels } from './kernels.ts';
import { tf } from './tf.ts';

/** Variables that AdamW updates together: their values and moments one after the other in flat vectors. */
export interface Group {
  readonly name: string;
  readonly variables: readonly (readonly [name: string, variable: tf.Variable])[];
  readonly m: tf.Variable<tf.Rank.R1>;
  readonly v: tf.Variable<tf.Rank.R1>;
  /** The values as the last step left them, good while the variables still hold the tensors it gave them. */
  readonly values: tf.Variable<tf.Rank.R1>;
  assigned: readonly tf.Tensor['dataId'][];
  /** What the values are drawn to, and how strongly. */
  readonly proximal: { readonly strength: number; readonly point: tf.Tensor1D } | undefined;
  steps: number;
}

/** The variables by group, their moments zero. `proximal`: how strongly a group is drawn to its values of now. */
export function groupsOf(
  variables: ReadonlyMap<string, tf.Variable>,
  groupOf: (name: string) => string,
  proximal: (group: string) => number,
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
    const strength = proximal(name);
    return {
      name,
      variables: entries,
      m: vector(),
      v: vector(),
      values: vector(),
      assigned: [],
      proximal: strength === 0 ? undefined : { strength, point: tf.tidy(() => flat(entries.map(([, x]) => x))) },
      steps: 0,
    };
  });
}

export function disposeGroup({ m, v, values, proximal }: Group): void {
  tf.dispose([m, v, values]);
  proximal?.point.dispose();
}

/** Values of a group's variables, gathered anew only if someone else has assigned to one since the last step. */
export function currentValues(group: Group): tf.Tensor1D {
  const unchanged =
    group.assigned.length > 0 && group.variables.every(([, { dataId }], i) => dataId === group.assigned[i]);
  return unchanged ? group.values : flat(group.variables.map(([, variable]) => variable));
}

/** Gives every variable of a group its part of the values. */
export function assignValues(group: Group, values: tf.Tensor1D): void {
  group.values.assign(values);
  const sizes = group.variables.map(([, { size }]) => size);
  const parts = kernels().split(values, sizes);
  group.assigned = group.variables.map(([, variable], i) => {
    variable.assign(reshape(parts[i]!, variable.shape));
    return variable.dataId;
  });
}

/** A group's gradient: what the loss gave, zeros where it gave none, and the pull of the proximal term. */
export function gradientOf(group: Group, gradients: Readonly<Record<string, tf.Tensor>>): tf.Tensor1D {
  const gradient = flat(group.variables.map(([, variable]) => gradients[variable.name] ?? tf.zerosLike(variable)));
  if (!group.proximal) return gradient;
  const { strength, point } = group.proximal;
  return tf.add(gradient, tf.mul(tf.sub(currentValues(group), point), strength));
}

const flat = (tensors: readonly tf.Tensor[]): tf.Tensor1D =>
  tf.concat(tensors.map((x) => reshape(x, [x.size]) as tf.Tensor1D));

/** Where the shape is right already, a reshape would still be an operation. */
const reshape = (x: tf.Tensor, shape: number[]): tf.Tensor =>
  x.rank === 1 && shape.length === 1 ? x : tf.reshape(x, shape);

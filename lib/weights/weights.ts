/** One named array of a model, values in C order (last axis fastest). */
export interface WeightTensor {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** An array of integers, such as a counter of steps. */
type IntegerTensor =
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'I64'; readonly shape: readonly number[]; readonly data: BigInt64Array };

/** One named array of a file, values in C order (last axis fastest). */
export type Tensor = WeightTensor | IntegerTensor;

/** A model's parameters by name. Iterate in the order of {@link sortedNames} if bytes depend on it. */
export type Weights = ReadonlyMap<string, WeightTensor>;

/** All tensors of a file by name. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** Names in the order of their UTF-16 code units. */
export const sortedNames = (weights: ReadonlyMap<string, unknown>): readonly string[] =>
  [...weights.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

/** One named array of a model, values in C order (last axis fastest). */
export interface WeightTensor {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A model's parameters by name. Iterate in the order of {@link sortedNames} wherever bytes depend on it. */
export type Weights = ReadonlyMap<string, WeightTensor>;

/** Names in the order of their UTF-16 code units: the order of tensors in every file that fedcardio writes. */
export const sortedNames = (weights: ReadonlyMap<string, unknown>): readonly string[] =>
  [...weights.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

import type { Weights, WeightTensor } from './weights.ts';

/** The tensors under names that begin with a prefix. */
export const withPrefix = (prefix: string, weights: Weights): Weights =>
  new Map([...weights].map(([name, tensor]) => [prefix + name, tensor]));

/** The tensors whose names begin with a prefix, without it. */
export const belowPrefix = (prefix: string, weights: Weights): Weights =>
  new Map(
    [...weights].flatMap(([name, tensor]): [string, WeightTensor][] =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );

/** The tensors whose names do not begin with a prefix. */
export const outsidePrefix = (prefix: string, weights: Weights): Weights =>
  new Map([...weights].filter(([name]) => !name.startsWith(prefix)));

/** Initial values of a parameter. Standard deviations and bounds are absolute. */
export type Initialiser =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'background'; readonly others: number };

/**
 * One trainable array. Its layout follows from PyTorch's: filters of five axes [z, y, x, in, out] (transposed
 * convolutions [z, y, x, out, in]), both PyTorch's axes (2, 3, 4, 1, 0); weights of linear layers [in, out]; everything
 * else as in PyTorch.
 */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialiser: Initialiser;
}

/** Task id of the head that a parameter belongs to; undefined for the body, which all heads share. */
export const headOf = (name: string): string | undefined => /^(?:head|out)\.([^.]+)\./.exec(name)?.[1];

export const parameter = (name: string, shape: readonly number[], initialiser: Initialiser): Parameter => ({
  name,
  shape,
  initialiser,
});

export const zeros = { kind: 'constant', value: 0 } as const;
export const ones = { kind: 'constant', value: 1 } as const;

/** He et al. 2015 for leaky ReLU with slope 0.01, as nnU-Net initialises. */
export const heNormal = (fanIn: number): Initialiser => ({
  kind: 'normal',
  deviation: Math.sqrt(2 / ((1 + 0.01 ** 2) * fanIn)),
});

/** PyTorch's default for weights and biases of linear and convolution layers, which MONAI keeps. */
export const fanInUniform = (fanIn: number): Initialiser => ({ kind: 'uniform', bound: 1 / Math.sqrt(fanIn) });

/**
 * Bias of a head: every class but the background starts with a probability of 1 in 2,000, about a landmark's share of
 * the voxels (as in Lin et al. 2017, "Focal loss"). Otherwise the first hundred steps only learn that most of a CT is
 * background.
 */
export const rareForeground: Initialiser = { kind: 'background', others: -Math.log(2000) };

import type { tf } from './tf.ts';

/** What instance normalisation keeps for its gradient; the backend's own business. */
interface Normalised {
  readonly y: tf.Tensor5D;
  readonly saved: readonly tf.Tensor[];
}

/**
 * The operations that each backend needs done its own way to be fast, or to be right. Forward and gradient kernels
 * only: nothing here is recorded for differentiation, {@link differentiable} ties the two together. Volumes are
 * [batch, z, y, x, channel], matrices [row, channel], filters [z, y, x, in, out]; float32.
 */
export interface Kernels {
  /**
   * Convolution with a 3³ filter and one voxel of zeros around the volume, as PyTorch's `Conv3d(k=3, padding=1)`.
   * Sides must be even at stride 2.
   */
  conv3d(x: tf.Tensor5D, filter: tf.Tensor5D, stride: 1 | 2): tf.Tensor5D;
  conv3dInputGradient(dy: tf.Tensor5D, filter: tf.Tensor5D, stride: 1 | 2): tf.Tensor5D;
  conv3dFilterGradient(x: tf.Tensor5D, dy: tf.Tensor5D, stride: 1 | 2): tf.Tensor5D;
  /** Whether volumes of so many channels are better joined before a convolution than convolved apart and added. */
  joins(channels: readonly number[]): boolean;
  /** Each channel of each case to mean 0 and variance 1 over its voxels (biased variance), times scale plus shift [channel]. */
  instanceNorm(x: tf.Tensor5D, scale: tf.Tensor1D, shift: tf.Tensor1D, epsilon: number): Normalised;
  /** Gradients of x, scale and shift. `saved` is what the forward kernel returned. */
  instanceNormGradient(
    dy: tf.Tensor5D,
    x: tf.Tensor5D,
    scale: tf.Tensor1D,
    saved: readonly tf.Tensor[],
    epsilon: number,
  ): readonly [tf.Tensor5D, tf.Tensor1D, tf.Tensor1D];
  leakyRelu<T extends tf.Tensor>(x: T, slope: number): T;
  leakyReluGradient<T extends tf.Tensor>(dy: T, x: T, slope: number): T;
  /** a·b, either transposed first. */
  matMul(a: tf.Tensor2D, b: tf.Tensor2D, transposeA?: boolean, transposeB?: boolean): tf.Tensor2D;
  /** Adds a vector to every row. */
  addBias(x: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D;
  /** Sum over the rows. */
  sumRows(x: tf.Tensor2D): tf.Tensor1D;
  /** A vector cut into pieces of these sizes, which add up to its own. */
  split(x: tf.Tensor1D, sizes: readonly number[]): tf.Tensor1D[];
  /** Row `indices[i]` of x as row i. Indices are trusted. */
  gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D;
}

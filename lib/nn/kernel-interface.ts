import type { tf } from './tf.ts';

/** Result of an instance normalisation. `saved` is for its gradient and differs between backends. */
interface Normalised {
  readonly y: tf.Tensor5D;
  readonly saved: readonly tf.Tensor[];
}

/**
 * The operations that each backend must implement in its own way to be fast or correct. These are forward and gradient
 * kernels only: nothing is recorded for differentiation, which is the task of {@link differentiable}. Volumes are
 * [batch, z, y, x, channel], matrices [row, channel], filters [z, y, x, in, out]; float32.
 */
export interface Kernels {
  /**
   * Convolution with a 3³ filter and one voxel of zeros around the volume, as PyTorch's `Conv3d(k=3, padding=1)`. At
   * stride 2 the sides must be even.
   */
  conv3d(x: tf.Tensor5D, filter: tf.Tensor5D, stride: 1 | 2): tf.Tensor5D;
  conv3dInputGradient(dy: tf.Tensor5D, filter: tf.Tensor5D, stride: 1 | 2): tf.Tensor5D;
  conv3dFilterGradient(x: tf.Tensor5D, dy: tf.Tensor5D, stride: 1 | 2): tf.Tensor5D;
  /** Whether to concatenate volumes of these channels before a convolution, instead of adding separate convolutions. */
  joins(channels: readonly number[]): boolean;
  /**
   * Normalises each channel of each case to mean 0 and variance 1 over its voxels (biased variance), then applies scale
   * and shift [channel].
   */
  instanceNorm(x: tf.Tensor5D, scale: tf.Tensor1D, shift: tf.Tensor1D, epsilon: number): Normalised;
  /** Gradients of x, scale and shift. `saved` comes from the forward kernel. */
  instanceNormGradient(
    dy: tf.Tensor5D,
    scale: tf.Tensor1D,
    saved: readonly tf.Tensor[],
    epsilon: number,
  ): readonly [tf.Tensor5D, tf.Tensor1D, tf.Tensor1D];
  leakyRelu<T extends tf.Tensor>(x: T, slope: number): T;
  leakyReluGradient<T extends tf.Tensor>(dy: T, x: T, slope: number): T;
  /** a·b, with either transposed first. */
  matMul(a: tf.Tensor2D, b: tf.Tensor2D, transposeA?: boolean, transposeB?: boolean): tf.Tensor2D;
  /** Adds a vector to every row. */
  addBias(x: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D;
  /** Sum over the rows. */
  sumRows(x: tf.Tensor2D): tf.Tensor1D;
  /** Cuts a vector into pieces of these sizes, which must add up to its length. */
  split(x: tf.Tensor1D, sizes: readonly number[]): tf.Tensor1D[];
  /** Row `indices[i]` of x as row i. Indices are not checked. */
  gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D;
}

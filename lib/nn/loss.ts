import { kernels } from './backend-kernels.ts';
import { differentiable } from './differentiable.ts';
import { tf } from './tf.ts';

/** Target of a head: classes [b, z, y, x] as int32, or their probabilities [b, z, y, x, class]. */
export type Target = tf.Tensor4D | tf.Tensor5D;

export interface LossOptions {
  /** Computes Dice over all voxels of the batch (nnU-Net's choice for small patches) instead of per case. */
  readonly batchDice?: boolean;
  /** Weight of each case, [b]. A case without a target has 0, and its values are ignored. */
  readonly voxelWeight?: readonly number[];
  /**
   * Weight of a foreground voxel in the cross-entropy; that of a background voxel is 1. A landmark's sphere is one
   * voxel in three thousand: with weight 1, short trainings learn some points and drop the others.
   */
  readonly foregroundWeight?: number;
  /** False for cross-entropy alone: with soft targets, the Dice coefficient is not optimal at the target. */
  readonly dice?: boolean;
}

/** Keeps Dice defined for a class that is neither present nor predicted; nnU-Net's value. */
const SMOOTH = 1e-5;
/** Smaller probabilities are reported as this one in logarithms. The gradient is exact. */
const TINY = 1e-30;

/**
 * nnU-Net's loss (Isensee et al. 2021): cross-entropy averaged over the voxels, minus the soft Dice coefficient
 * averaged over the classes without the background.
 *
 * @param logits [b, z, y, x, class]
 * @returns a scalar, at best -1; 0 without a gradient if every case has weight 0
 */
export function diceCrossEntropy(
  logits: tf.Tensor5D,
  target: Target,
  { batchDice = true, voxelWeight, foregroundWeight = 1, dice = true }: LossOptions = {},
): tf.Scalar {
  const [b, z, y, x, classes] = logits.shape;
  const voxels = z * y * x;
  const probabilities = asProbabilities(target, classes);
  const predicted = tf.reshape(logits, [b * voxels, classes]) as tf.Tensor2D;
  const wanted = tf.reshape(probabilities, [b * voxels, classes]) as tf.Tensor2D;
  const weights = voxelWeight ?? Array.from({ length: b }, () => 1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return tf.scalar(0);
  if (batchDice) return pooledLoss(predicted, wanted, perVoxel(weights, voxels), { foregroundWeight, dice });
  const terms = weights.flatMap((weight, i) => {
    if (weight === 0) return [];
    const rows = (all: tf.Tensor2D): tf.Tensor2D => tf.slice(all, [i * voxels, 0], [voxels, classes]);
    return [
      tf.mul(
        pooledLoss(rows(predicted), rows(wanted), undefined, { foregroundWeight, dice }),
        weight / total,
      ) as tf.Scalar,
    ];
  });
  return tf.addN(terms);
}

/**
 * {@link diceCrossEntropy} at the scales of a deeply supervised head, weighted 1, ½, ¼, … and normalised as in nnU-Net.
 * The target of a coarser scale holds the mean class probabilities of 2³ voxels: the nearest voxel would lose
 * landmarks, which are two or three voxels wide.
 *
 * @param scales logits, the finest first, each half as fine as the one before
 * @param target on the finest grid
 */
export function deepSupervision(scales: readonly tf.Tensor5D[], target: Target, options: LossOptions = {}): tf.Scalar {
  const finest = scales[0]!;
  let probabilities = asProbabilities(target, finest.shape[4]);
  const total = 2 - 2 ** (1 - scales.length);
  const terms = scales.map((logits, scale) => {
    if (scale > 0) probabilities = tf.avgPool3d(probabilities, 2, 2, 'valid');
    return tf.mul(diceCrossEntropy(logits, probabilities, options), 2 ** -scale / total) as tf.Scalar;
  });
  return tf.addN(terms);
}

// The cast is needed because the WebAssembly kernel always writes integers.
const asProbabilities = (target: Target, classes: number): tf.Tensor5D =>
  (target.rank === 5 ? target : tf.cast(tf.oneHot(target as tf.Tensor4D, classes), 'float32')) as tf.Tensor5D;

/** [b·voxels, 1] with each case's weight; undefined if all are 1. */
const perVoxel = (weights: readonly number[], voxels: number): tf.Tensor2D | undefined =>
  weights.every((weight) => weight === 1)
    ? undefined
    : (tf.reshape(tf.tile(tf.tensor2d([...weights], [weights.length, 1]), [1, voxels]), [-1, 1]) as tf.Tensor2D);

/**
 * The loss over one pool of voxels. With p the probabilities, t the target and w the weight of a voxel, per class dice
 * = (2Σwpt + s)/(Σwp + Σwt + s), so that ∂dice/∂p = w(2t - dice)/(Σwp + Σwt + s). Through the softmax ∂/∂logit = p∘(g -
 * Σ g∘p). The cross-entropy's gradient is u(p - t)/Σu, where u is w times the weight of the foreground or the
 * background.
 */
const pooledLoss = (
  logits: tf.Tensor2D,
  target: tf.Tensor2D,
  weight: tf.Tensor2D | undefined,
  { foregroundWeight, dice: withDice }: Required<Pick<LossOptions, 'foregroundWeight' | 'dice'>>,
): tf.Scalar =>
  differentiable<tf.Scalar>(
    [logits],
    () => {
      const { sumRows } = kernels();
      const p = tf.softmax(logits);
      const weighted = (x: tf.Tensor2D): tf.Tensor2D => (weight ? tf.mul(x, weight) : x);
      const t = weighted(target);
      const sums = tf.add(tf.add(sumRows(weighted(p)), sumRows(t)), SMOOTH);
      const dice = tf.div(tf.add(tf.mul(sumRows(tf.mul(p, t)), 2), SMOOTH), sums) as tf.Tensor1D;
      const foreground = foregroundMean(logits.shape[1], withDice ? 1 : 0);
      const classWeights = Array.from({ length: logits.shape[1] }, (_, i) => (i === 0 ? 1 : foregroundWeight));
      const share = weighted(tf.matMul(target, tf.tensor2d(classWeights, [classWeights.length, 1])));
      const entropyWeight = tf.div(share, tf.sum(share));
      const crossEntropy = tf.neg(tf.sum(tf.mul(tf.mul(target, entropyWeight), tf.log(tf.maximum(p, TINY)))));
      const value = tf.sub(crossEntropy, tf.sum(tf.mul(dice, foreground))) as tf.Scalar;
      // g = slope∘t + offset, before the weight.
      const slope = tf.div(tf.mul(foreground, -2), sums);
      const offset = tf.div(tf.mul(foreground, dice), sums);
      return { value, saved: [p, target, slope, offset, entropyWeight, ...(weight ? [weight] : [])] };
    },
    (dLoss, [p, t, slope, offset, entropyWeight, w]) => {
      const g = tf.add(tf.mul(t!, slope!), offset!);
      const dDice = tf.mul(p!, tf.sub(g, tf.sum(tf.mul(g, p!), 1, true)));
      const dEntropy = tf.mul(tf.sub(p!, t!), entropyWeight!);
      return [tf.mul(tf.add(w ? tf.mul(dDice, w) : dDice, dEntropy), dLoss)];
    },
  );

/**
 * 0 for the background, `factor`/(classes - 1) for the others: a product with it is `factor` times the foreground's
 * mean.
 */
const foregroundMean = (classes: number, factor: number): tf.Tensor1D =>
  tf.tensor1d(Array.from({ length: classes }, (_, i) => (i === 0 ? 0 : factor / (classes - 1))));

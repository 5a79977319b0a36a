import type { StudentStage, TrainingConfig } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import type { Network } from '../models/network.ts';
import { deepSupervision } from '../nn/loss.ts';
import { tf } from '../nn/tf.ts';
import { own as ownEntry } from '../own.ts';
import type { Patch, PatchTarget } from './patches.ts';

/** Configuration of the loss. Without the last two, pseudo-labels are learnt like labels. */
export type LossConfig = Pick<TrainingConfig, 'foregroundWeight' | 'headWeights' | 'heads'> &
  Partial<Pick<StudentStage, 'pseudoLabelWeight' | 'distillation'>>;

/**
 * Loss of a network on a batch of patches of `side`³ voxels: Dice + cross-entropy summed over the heads that have a
 * target in the batch, weighted by `headWeights`, or by a head's own weight. A case without a target for a head has weight 0 there and adds
 * nothing to loss or gradient. With `distillation`, a pseudo-label with its teacher's probabilities gives that share of
 * its weight to the cross-entropy with them (Hinton et al. 2015): T²·H(softmax(t/T), softmax(z/T)).
 *
 * @param features the body's output on the patches, if it is already computed and constant
 */
export function networkLoss(
  network: Network,
  patches: readonly Patch[],
  side: number,
  config: LossConfig,
  features: readonly tf.Tensor5D[] = network.features(imageOf(patches, side)),
): tf.Scalar {
  const heads = network.heads.filter(({ id }) =>
    patches.some(({ targets }) => targetWeight(targets.get(id), config) > 0),
  );
  const grid = [patches.length, side, side, side] as const;
  const logits = network.logits(
    features,
    heads.map(({ id }) => id),
  );
  return tf.addN(
    heads.map((task) => {
      const targets = patches.map((patch) => patch.targets.get(task.id));
      const own = ownEntry(config.heads ?? {}, task.id);
      const { foregroundWeight = config.foregroundWeight } = own ?? {};
      const loss = headLoss(logits.get(task.id) ?? [], targets, grid, { ...config, foregroundWeight });
      const weight = own?.weight ?? (config.headWeights === 'classes' ? classShare(task, heads) : 1);
      return weight === 1 ? loss : tf.mul(loss, weight);
    }),
  );
}

/** The patches as one batch, [b, z, y, x, 1]. */
export function imageOf(patches: readonly Patch[], side: number): tf.Tensor5D {
  const values = joined(
    Float32Array,
    patches.map(({ image }) => image),
    side ** 3,
  );
  return tf.tensor5d(values, [patches.length, side, side, side, 1]);
}

type Grid4D = readonly [batch: number, z: number, y: number, x: number];
type MaybeTarget = PatchTarget | undefined;

function headLoss(
  scales: readonly tf.Tensor5D[],
  targets: readonly MaybeTarget[],
  grid: Grid4D,
  config: LossConfig,
): tf.Scalar {
  const { foregroundWeight, distillation } = config;
  const shares = targets.map((target) => (target?.teacher?.soft ? (distillation?.weight ?? 0) : 0));
  const weights = targets.map((target) => targetWeight(target, config));
  const labelled = targets.filter((target) => target !== undefined).length;
  /** The loss is a mean over the cases' weights. This factor makes it a mean over their number. */
  const weighed = (voxelWeight: readonly number[], loss: (voxelWeight: readonly number[]) => tf.Scalar): tf.Scalar => {
    const factor = voxelWeight.reduce((sum, weight) => sum + weight, 0) / labelled;
    return factor === 1 ? loss(voxelWeight) : tf.mul(loss(voxelWeight), factor);
  };
  const hardWeights = weights.map((weight, i) => weight * (1 - (shares[i] as number)));
  const hard = weighed(hardWeights, (voxelWeight) => {
    const classes = targets.map((target) => target?.classes);
    const target = tf.tensor4d(joined(Int32Array, classes, grid[1] * grid[2] * grid[3]), [...grid], 'int32');
    return deepSupervision(scales, target, { voxelWeight, foregroundWeight });
  });
  if (!distillation || shares.every((share) => share === 0)) return hard;
  const { temperature } = distillation;
  const softWeights = weights.map((weight, i) => weight * (shares[i] as number));
  const soft = weighed(softWeights, (voxelWeight) => {
    const cooled = scales.map((logits) => tf.div(logits, temperature) as tf.Tensor5D);
    const target = softTarget(targets, scales[0]?.shape[4] as number, grid, temperature);
    return deepSupervision(cooled, target, { voxelWeight, foregroundWeight, dice: false });
  });
  return tf.add(hard, tf.mul(soft, temperature ** 2));
}

/** Weight of a target; 0 without one, or for a pseudo-label whose teacher had confidence 0. */
export const targetWeight = (
  target: { readonly teacher?: { readonly confidence: number } } | undefined,
  { pseudoLabelWeight }: Pick<LossConfig, 'pseudoLabelWeight'>,
): number => (target?.teacher && pseudoLabelWeight === 'confidence' ? target.teacher.confidence : target ? 1 : 0);

/** softmax(t/T) = p^(1/T), normalised; background without a soft target. [b, z, y, x, class]. */
function softTarget(targets: readonly MaybeTarget[], classes: number, grid: Grid4D, temperature: number): tf.Tensor5D {
  const voxels = grid[1] * grid[2] * grid[3];
  const values = new Float32Array(targets.length * voxels * classes);
  targets.forEach((target, i) => {
    const maps = target?.teacher?.soft ?? [];
    for (let voxel = 0; voxel < voxels; voxel++) {
      const at = (i * voxels + voxel) * classes;
      let background = 1;
      for (let c = 0; c < maps.length; c++) {
        const probability = (maps[c] as Float32Array)[voxel] as number;
        values[at + 1 + c] = probability;
        background -= probability;
      }
      values[at] = Math.max(0, background);
    }
  });
  const powers = tf.pow(tf.tensor5d(values, [...grid, classes]), 1 / temperature);
  return tf.div(powers, tf.sum(powers, 4, true));
}

/** Weight of a head that makes every class of all heads count alike. The mean over the heads is 1. */
const classShare = ({ classes }: Task, heads: readonly Task[]): number =>
  (classes.length * heads.length) / heads.reduce((sum, head) => sum + head.classes.length, 0);

/** Concatenates parts of `size` values each, with zeros for a missing part. */
function joined<T extends Float32Array | Int32Array>(
  kind: new (length: number) => T,
  parts: readonly (ArrayLike<number> | undefined)[],
  size: number,
): T {
  const all = new kind(parts.length * size);
  parts.forEach((part, index) => {
    if (part) all.set(part, index * size);
  });
  return all;
}

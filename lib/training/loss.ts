import type { TrainingConfig } from '../federation/schemas.ts';
import { TASKS, type TaskId } from '../federation/tasks.ts';
import type { Network } from '../models/network.ts';
import { deepSupervision } from '../nn/loss.ts';
import { tf } from '../nn/tf.ts';
import type { Patch } from './patches.ts';

/**
 * Loss of a network on a batch of patches of `side`³ voxels: Dice + cross-entropy of every head that has a target in
 * the batch, summed, with the weights that `headWeights` says. A case without a target for a head has weight 0 there: it adds nothing to loss or gradient.
 */
export function networkLoss(
  network: Network,
  patches: readonly Patch[],
  side: number,
  { foregroundWeight, headWeights }: Pick<TrainingConfig, 'foregroundWeight' | 'headWeights'>,
): tf.Scalar {
  const voxels = side ** 3;
  const heads = network.heads.filter((task) => patches.some(({ targets }) => targets.has(task)));
  const grid = [patches.length, side, side, side] as const;
  const image = tf.tensor5d(
    joined(
      Float32Array,
      patches.map((patch) => patch.image),
      voxels,
    ),
    [...grid, 1],
  );
  const logits = network.forward(image, heads);
  return tf.addN(
    heads.map((task) => {
      const labels = patches.map(({ targets }) => targets.get(task));
      const target = tf.tensor4d(joined(Int32Array, labels, voxels), [...grid], 'int32');
      const voxelWeight = labels.map((label) => (label ? 1 : 0));
      const loss = deepSupervision(scalesOf(logits, task), target, { voxelWeight, foregroundWeight });
      return headWeights === 'classes' ? tf.mul(loss, classShare(task, heads)) : loss;
    }),
  );
}

/** Weight of a head that makes every class of all heads count alike; the mean over the heads is 1. */
function classShare(task: TaskId, heads: readonly TaskId[]): number {
  const classesOf = (head: TaskId) => TASKS[head].classes.length;
  return (classesOf(task) * heads.length) / heads.reduce((sum, head) => sum + classesOf(head), 0);
}

function scalesOf(logits: ReadonlyMap<TaskId, tf.Tensor5D[]>, task: TaskId): readonly tf.Tensor5D[] {
  return logits.get(task) ?? [];
}

/** The parts one after the other, `size` values each; zeros for a part that is not there. */
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

import type { Task, TaskId } from '../federation/tasks.ts';
import { STANDARDISED_AIR } from '../imaging/intensity.ts';
import type { Grid, Volume } from '../imaging/volume.ts';
import type { Network } from '../models/network.ts';
import { slidingWindow } from '../nn/sliding-window.ts';
import { tf } from '../nn/tf.ts';
import { type ClassProbabilities, decodePrediction, type Prediction } from './decode-prediction.ts';

/**
 * Predicts every task in a CT.
 *
 * @param image prepared by {@link prepareImage}
 * @param own the uploaded CT's grid, on which class maps are returned
 * @param patch side of the inference windows, voxels
 * @param onProbabilities receives the class probabilities on the prepared image's grid, which are too large to keep
 */
export async function predictTasks(
  network: Network,
  image: Volume<Float32Array>,
  own: Grid,
  patch: number,
  tasks: readonly Task[],
  onProbabilities?: (task: TaskId, probabilities: ClassProbabilities) => void,
): Promise<ReadonlyMap<TaskId, Prediction>> {
  const [nx, ny, nz] = image.shape;
  const volume = tf.tensor5d(image.data, [1, nz, ny, nx, 1]);
  const windows = { patch: [patch, patch, patch] as const, fill: STANDARDISED_AIR };
  const maps = slidingWindow((window) => probabilitiesOf(network, window, tasks), volume, windows);
  volume.dispose();
  const result = new Map<TaskId, Prediction>();
  for (const task of tasks) {
    const map = maps.get(task.id);
    if (!map) continue;
    const values = map.dataSync() as Float32Array;
    const classes = map.shape[4];
    map.dispose();
    const probabilities: ClassProbabilities = Array.from({ length: classes }, (_, c) => ({
      ...image,
      data: Float32Array.from({ length: values.length / classes }, (_, v) => values[v * classes + c] as number),
    }));
    onProbabilities?.(task.id, probabilities);
    result.set(task.id, decodePrediction(task, probabilities, own));
  }
  return result;
}

/** Softmax of each head's finest logits, [1, z, y, x, class]. */
function probabilitiesOf(network: Network, window: tf.Tensor5D, tasks: readonly Task[]): Map<TaskId, tf.Tensor5D> {
  const logits = network.forward(
    window,
    tasks.map(({ id }) => id),
  );
  return new Map([...logits].flatMap(([task, [finest]]) => (finest ? [[task, tf.softmax(finest)]] : [])));
}

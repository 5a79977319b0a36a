import { type Task, type TaskId, taskOf } from '../federation/tasks.ts';
import type { ClassPlaneReader } from '../imaging/resample-classes.ts';
import type { Grid } from '../imaging/volume.ts';
import type { Network } from '../models/network.ts';
import { averagedPlanes, finestOf, type Member, type WindowOptions } from './averaged-planes.ts';
import type { PreparedImage } from './cases.ts';
import { type ClassProbabilities, createDecoder, type Decoder, type Prediction } from './decode-prediction.ts';

interface PredictionOptions extends WindowOptions {
  /** Receives the class probabilities on the grid of {@link finestOf}, which are too large to keep. */
  readonly onProbabilities?: (task: TaskId, probabilities: ClassProbabilities) => void;
  /** Segmentations only: reads the classes and their probabilities on the CT's own grid, plane by plane. */
  readonly onPlane?: (task: TaskId, ...plane: Parameters<ClassPlaneReader>) => void;
}

/**
 * Predicts every task in a CT.
 *
 * @param image prepared by {@link prepareImage}
 * @param own the uploaded CT's grid, on which class maps are returned
 * @param patch side of the inference windows, voxels
 */
export const predictTasks = (
  network: Network,
  image: PreparedImage,
  own: Grid,
  patch: number,
  tasks: readonly Task[],
  options: PredictionOptions = {},
): Promise<ReadonlyMap<TaskId, Prediction>> => predictTogether([{ network, image, patch }], own, tasks, options);

/**
 * Predicts every task in a CT with one network, or with the mean of the class probabilities of several. Each must have
 * learnt all of the tasks.
 *
 * @param own the uploaded CT's grid, on which class maps are returned
 */
export async function predictTogether(
  members: readonly Member[],
  own: Grid,
  tasks: readonly Task[],
  { onProbabilities, onPlane, ...windows }: PredictionOptions = {},
): Promise<ReadonlyMap<TaskId, Prediction>> {
  const grid = finestOf(members);
  const decoders = new Map<TaskId, Decoder>();
  for (const { z, heads } of averagedPlanes(members, tasks, windows)) {
    for (const [id, values] of heads) {
      const decoder = decoders.get(id) ?? createDecoder(taskOf(tasks, id), grid, onProbabilities !== undefined);
      decoders.set(id, decoder);
      decoder.add(z, values);
    }
  }
  const result = new Map<TaskId, Prediction>();
  for (const { id } of tasks) {
    const decoder = decoders.get(id);
    if (!decoder) continue;
    // Its probabilities are freed before the next task is decoded.
    decoders.delete(id);
    if (decoder.probabilities) onProbabilities?.(id, decoder.probabilities);
    result.set(id, decoder.decode(own, onPlane && ((...plane) => onPlane(id, ...plane))));
  }
  return result;
}

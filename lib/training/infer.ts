import { type Task, type TaskId, taskOf } from '../federation/tasks.ts';
import type { ClassPlaneReader } from '../imaging/resample-classes.ts';
import type { Grid } from '../imaging/volume.ts';
import type { Network } from '../models/network.ts';
import { slidingWindow } from '../nn/sliding-window.ts';
import { tf } from '../nn/tf.ts';
import type { PreparedImage } from './cases.ts';
import { type ClassProbabilities, createDecoder, type Decoder, type Prediction } from './decode-prediction.ts';

/** What is told while a CT is predicted. */
interface PredictionObserver {
  /** Receives the class probabilities on the prepared image's grid, which are too large to keep. */
  readonly onProbabilities?: (task: TaskId, probabilities: ClassProbabilities) => void;
  /** Segmentations only: reads the classes and their probabilities on the CT's own grid, plane by plane. */
  readonly onPlane?: (task: TaskId, ...plane: Parameters<ClassPlaneReader>) => void;
  /** Called after each window with the number of windows so far and of all. */
  readonly onWindow?: (done: number, total: number) => void;
}

/**
 * Predicts every task in a CT.
 *
 * @param image prepared by {@link prepareImage}
 * @param own the uploaded CT's grid, on which class maps are returned
 * @param patch side of the inference windows, voxels
 */
export async function predictTasks(
  network: Network,
  image: PreparedImage,
  own: Grid,
  patch: number,
  tasks: readonly Task[],
  { onProbabilities, onPlane, onWindow }: PredictionObserver = {},
): Promise<ReadonlyMap<TaskId, Prediction>> {
  const [nx, ny, nz] = image.shape;
  const decoders = new Map<TaskId, Decoder>();
  const planeOf = (id: TaskId, z: number, values: Float32Array) => {
    const decoder = decoders.get(id) ?? createDecoder(taskOf(tasks, id), image, onProbabilities !== undefined);
    decoders.set(id, decoder);
    decoder.add(z, values);
  };
  slidingWindow(
    (window) => probabilitiesOf(network, window, tasks),
    { data: image.data, shape: [nz, ny, nx] },
    { patch: [patch, patch, patch], fill: image.outside, onWindow },
    planeOf,
  );
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

/** Softmax of each head's finest logits, [1, z, y, x, class]. */
function probabilitiesOf(network: Network, window: tf.Tensor5D, tasks: readonly Task[]): Map<TaskId, tf.Tensor5D> {
  const logits = network.forward(
    window,
    tasks.map(({ id }) => id),
  );
  return new Map([...logits].flatMap(([task, [finest]]) => (finest ? [[task, tf.softmax(finest)]] : [])));
}

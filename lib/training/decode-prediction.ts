import { FedcardioError } from '../error.ts';
import { radiusOf, type Task } from '../federation/tasks.ts';
import { decodeLandmarks, paintLandmarks } from '../imaging/landmarks.ts';
import { resampleClasses } from '../imaging/resample-classes.ts';
import type { Affine, Landmark, Vec3, Volume } from '../imaging/volume.ts';

/** Class probabilities of one task on the model's grid: one volume per class, background first. */
export type ClassProbabilities = readonly Volume<Float32Array>[];

/** A network's prediction of one task in one CT. */
export interface Prediction {
  /** Class map on the CT's own grid. */
  readonly classMap: Volume<Uint8Array>;
  /** Landmark tasks only: every point of the task, with a null position if missing. */
  readonly landmarks?: readonly Landmark[];
  /** Mean probability of the winning class over the predicted foreground; 0 if nothing was found. */
  readonly confidence: number;
}

/**
 * Decodes probabilities by arg max. A landmark is the centroid of the largest component of its class, in mm.
 * Segmentations are resampled to the CT's own grid as probabilities, so that their borders do not follow the model's
 * voxels.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if a probability is not a number: the model would find nothing, or find it everywhere
 */
export function decodePrediction(
  task: Task,
  probabilities: ClassProbabilities,
  own: { readonly affine: Affine; readonly shape: Vec3 },
): Prediction {
  if (probabilities.some(({ data }) => !areFinite(data))) {
    throw new FedcardioError('BAD_WEIGHTS', `The model's probabilities of ${task.id} are not numbers.`, {
      hint: 'Its training has diverged: train it again at a lower learning rate.',
    });
  }
  const { classes, confidence } = argMax(probabilities);
  if (task.kind === 'segmentation') {
    return { classMap: resampleClasses(probabilities, own), confidence };
  }
  const landmarks = decodeLandmarks(classes, task.classes.length);
  const classMap = paintLandmarks(landmarks, own, radiusOf(task));
  return { classMap, landmarks, confidence };
}

function areFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i] as number;
  return Number.isFinite(sum);
}

function argMax(maps: ClassProbabilities): { readonly classes: Volume<Uint8Array>; readonly confidence: number } {
  const first = maps[0] as Volume<Float32Array>;
  const data = new Uint8Array(first.data.length);
  const best = Float32Array.from(first.data);
  maps.slice(1).forEach((map, index) => {
    for (let i = 0; i < best.length; i++) {
      if ((map.data[i] as number) > (best[i] as number)) {
        best[i] = map.data[i] as number;
        data[i] = index + 1;
      }
    }
  });
  let [sum, found] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    sum += best[i] as number;
    found++;
  }
  return { classes: { ...first, data }, confidence: found === 0 ? 0 : sum / found };
}

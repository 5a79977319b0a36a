import type { TaskId } from '../federation/tasks.ts';
import { LANDMARK_RADIUS_MM, TASKS } from '../federation/tasks.ts';
import { decodeLandmarks, paintLandmarks } from '../imaging/landmarks.ts';
import { resampleClasses } from '../imaging/resample-classes.ts';
import type { Affine, Landmark, Vec3, Volume } from '../imaging/volume.ts';

/** Class probabilities of one task on the model's grid: one volume for each class, background first. */
export type ClassProbabilities = readonly Volume<Float32Array>[];

/** What a network finds of one task in one CT. */
export interface Prediction {
  /** Class map on the CT's own grid. */
  readonly classMap: Volume<Uint8Array>;
  /** For landmark tasks: every point of the task, missing ones with a null position. */
  readonly landmarks?: readonly Landmark[];
  /** Mean probability of the winning class over the predicted foreground; 0 when nothing was found. */
  readonly confidence: number;
}

/**
 * Decodes as the method says: arg max, and for landmarks the largest component of each class, its centroid, in mm.
 * Segmentations are brought to the CT's own grid as probabilities, so that their borders are not the model's voxels.
 */
export function decodePrediction(
  task: TaskId,
  probabilities: ClassProbabilities,
  own: { readonly affine: Affine; readonly shape: Vec3 },
): Prediction {
  const { classes, confidence } = argMax(probabilities);
  if (TASKS[task].kind === 'segmentation') {
    return { classMap: resampleClasses(probabilities, own), confidence };
  }
  const landmarks = decodeLandmarks(classes, TASKS[task].classes.length);
  const classMap = paintLandmarks(landmarks, own, LANDMARK_RADIUS_MM);
  return { classMap, landmarks, confidence };
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

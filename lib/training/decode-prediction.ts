import { FedcardioError } from '../error.ts';
import { channelsOf, radiusOf, type Task } from '../federation/tasks.ts';
import { voxelsOf } from '../imaging/affine.ts';
import { decodeLandmarks, type FoundLandmark, paintLandmarks } from '../imaging/landmarks.ts';
import { type ClassPlaneReader, resampleClasses } from '../imaging/resample-classes.ts';
import type { Grid, Volume } from '../imaging/volume.ts';

/** Class probabilities of one task on the model's grid: one volume per class, background first. */
export type ClassProbabilities = readonly Volume<Float32Array>[];

/** A network's prediction of one task in one CT. */
export interface Prediction {
  /** Class map on the CT's own grid. */
  readonly classMap: Volume<Uint8Array>;
  /**
   * Landmark tasks only: every point of the task, with a null position if missing, and the mean probability of its
   * component to within 1/510.
   */
  readonly landmarks?: readonly FoundLandmark[];
  /** Mean probability of the winning class over the predicted foreground; 0 if nothing was found. */
  readonly confidence: number;
}

/** Decodes the probabilities of one task, plane by plane. */
export interface Decoder {
  /**
   * Adds a plane of the model's grid.
   *
   * @param values [y, x, class]; may be changed after the call
   * @throws FedcardioError `BAD_WEIGHTS` if a probability is not a number: the model would find nothing, or find it
   *   everywhere
   */
  add(z: number, values: Float32Array): void;
  /** The probabilities so far. Undefined for a task that is decoded without them. */
  readonly probabilities: ClassProbabilities | undefined;
  /**
   * The prediction, after all planes.
   *
   * @param onPlane segmentations only: gets the classes and their probabilities on the CT's own grid
   */
  decode(own: Grid, onPlane?: ClassPlaneReader): Prediction;
}

/**
 * A decoder by arg max. A landmark is the centroid of the largest component of its class, in mm. Segmentations are
 * resampled to the CT's own grid as probabilities, so that their borders do not follow the model's voxels. Landmarks need
 * no probabilities, which are held for segmentations only: 4 bytes for each class and voxel.
 *
 * @param grid the model's grid
 * @param keep hold the probabilities of landmarks too
 */
export function createDecoder(task: Task, { shape, affine }: Grid, keep: boolean): Decoder {
  const size = shape[0] * shape[1];
  const classes: Volume<Uint8Array> = { shape, affine, data: new Uint8Array(voxelsOf(shape)) };
  const probabilities =
    keep || task.kind === 'segmentation'
      ? Array.from({ length: channelsOf(task) }, () => ({ shape, affine, data: new Float32Array(voxelsOf(shape)) }))
      : undefined;
  // A byte for each voxel instead of its probabilities.
  const certainty = task.kind === 'landmarks' ? new Uint8Array(voxelsOf(shape)) : undefined;
  let [sum, found] = [0, 0];
  return {
    probabilities,
    add(z, values) {
      requireFinite(task, values);
      const plane = classes.data.subarray(z * size, (z + 1) * size);
      const winners = argMax(values, plane);
      for (let i = 0; i < size; i++) {
        if (plane[i] === 0) continue;
        const winner = winners[i] as number;
        if (certainty) certainty[z * size + i] = Math.round(255 * winner);
        sum += winner;
        found++;
      }
      probabilities?.forEach(({ data }, label) => {
        const count = probabilities.length;
        for (let i = 0; i < size; i++) data[z * size + i] = values[i * count + label] as number;
      });
    },
    decode(own, onPlane) {
      const confidence = found === 0 ? 0 : sum / found;
      if (task.kind === 'segmentation' && probabilities) {
        return { classMap: resampleClasses(probabilities, own, onPlane), confidence };
      }
      const landmarks = decodeLandmarks(classes, task.classes.length, certainty).map(toProbability);
      return { classMap: paintLandmarks(landmarks, own, radiusOf(task)), landmarks, confidence };
    },
  };
}

const toProbability = ({ certainty, ...point }: FoundLandmark): FoundLandmark =>
  certainty === undefined ? point : { ...point, certainty: certainty / 255 };

function requireFinite({ id }: Task, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i] as number;
  if (Number.isFinite(sum)) return;
  throw new FedcardioError('BAD_WEIGHTS', `The model's probabilities of ${id} are not numbers.`, {
    hint: 'Its training has diverged: train it again at a lower learning rate.',
  });
}

/** Writes the likeliest class of each voxel, the first of equals, and returns its probability. */
function argMax(values: Float32Array, classes: Uint8Array): Float32Array {
  const count = values.length / classes.length;
  const best = new Float32Array(classes.length);
  for (let i = 0; i < classes.length; i++) {
    let winner = 0;
    for (let c = 1; c < count; c++) {
      if ((values[i * count + c] as number) > (values[i * count + winner] as number)) winner = c;
    }
    classes[i] = winner;
    best[i] = values[i * count + winner] as number;
  }
  return best;
}

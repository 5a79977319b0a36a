import { FedcardioError } from '../error.ts';
import type { LabelEntry } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import { contains, largestShift, sameGrid } from '../imaging/affine.ts';
import { classOf } from '../imaging/class-map.ts';
import { readMarkups } from '../imaging/markups.ts';
import { scanNifti } from '../imaging/nifti-scan.ts';
import { orientationOf } from '../imaging/orientation.ts';
import type { Grid } from '../imaging/volume.ts';

/** Number of voxels or points by class number. */
export type ClassCounts = LabelEntry['classes'];

/** Most unknown values that a rejection quotes. */
const MAX_QUOTED_VALUES = 5;

/**
 * Reads a class map once, chunk by chunk, and counts its voxels by class. An empty class map is valid for a
 * segmentation (no calcium is a finding), but not for landmarks.
 *
 * @param image the grid of the case's image; the label must have the same
 * @throws BAD_LABEL, or BAD_IMAGE if the file is not a readable volume; errors of `source` unchanged
 */
export async function examineClassMap(
  source: AsyncIterable<Uint8Array>,
  fileBytes: number,
  task: Task,
  image: Grid,
): Promise<ClassCounts> {
  const { id, kind, classes } = task;
  const counts = new Float64Array(classes.length + 1);
  const unknown = new Set<number>();
  let onlyProbabilities = true;
  await scanNifti(source, fileBytes, {
    header: (header) => checkGrid(header, image),
    values: (stored, { scaling: { slope, intercept } }) => {
      for (let i = 0; i < stored.length; i += 1) {
        const value = slope * (stored[i] as number) + intercept;
        const found = classOf(value);
        const count = found === undefined ? undefined : counts[found];
        if (count !== undefined) counts[found as number] = count + 1;
        else {
          onlyProbabilities &&= value > 0 && value < 1;
          if (unknown.size < MAX_QUOTED_VALUES) unknown.add(value);
        }
      }
    },
  });
  if (unknown.size > 0) {
    const values = [...unknown].map((value) => Number(value.toPrecision(6))).join(', ');
    const probabilities = onlyProbabilities ? ': it is a map of probabilities, not of classes' : '';
    const reason = `It contains the values ${values}, which are not classes of ${id}${probabilities}.`;
    const threshold = onlyProbabilities ? 'Set a threshold and export the segmentation itself. ' : '';
    throw new FedcardioError('BAD_LABEL', reason, {
      hint: `${threshold}Classes of ${id}: 0 background, ${namedClasses(task)}.`,
    });
  }
  const found = Object.fromEntries(classes.map((_, i) => [String(i + 1), counts[i + 1] as number]));
  if (kind === 'landmarks' && Object.values(found).every((voxels) => voxels === 0)) throw noLandmark(task);
  return found;
}

/**
 * Checks a markups file.
 *
 * @param image the grid of the case's image; the points must be inside it
 * @returns 1 or 0 points by class
 * @throws BAD_LABEL
 */
export function examineMarkups(text: string, task: Task, image: Grid): ClassCounts {
  const { id, kind, classes } = task;
  if (kind !== 'landmarks') {
    throw new FedcardioError('BAD_LABEL', `${id} is a segmentation and cannot be given as points.`, {
      hint: `Upload the segmentation as labels/${id}.nii.gz.`,
    });
  }
  const points = readMarkups(text, classes);
  const outside = points.filter(({ position }) => position && !contains(image, position));
  if (outside.length > 0) {
    const names = outside.map(({ label }) => classes[label - 1]).join(', ');
    throw new FedcardioError('BAD_LABEL', `These points lie outside the image: ${names}.`, {
      hint: 'Check that the points belong to this scan, and that the file names its coordinate system (LPS or RAS).',
    });
  }
  if (points.every(({ position }) => position === null)) throw noLandmark(task);
  return Object.fromEntries(points.map(({ label, position }) => [String(label), position ? 1 : 0]));
}

function checkGrid(label: Grid, image: Grid): void {
  if (sameGrid(label, image)) return;
  const hint = "Export the segmentation with the CT as its reference volume, so that it lies on the CT's own voxels.";
  const [runs, imageRuns] = [orientationOf(label.affine), orientationOf(image.affine)];
  const turned = runs === imageRuns ? '' : ` (they run ${runs}, those of the image ${imageRuns})`;
  const [labelShape, imageShape] = [label.shape.join('×'), image.shape.join('×')];
  if (labelShape !== imageShape) {
    const reason = `It has ${labelShape} voxels, but the image has ${imageShape}${turned}.`;
    throw new FedcardioError('BAD_LABEL', reason, { hint });
  }
  const shift = largestShift(label, image).toFixed(1);
  const reason = `Its voxels are up to ${shift} mm away from those of the image${turned}.`;
  throw new FedcardioError('BAD_LABEL', reason, { hint });
}

const namedClasses = ({ classes }: Task): string => classes.map((name, i) => `${i + 1} ${name}`).join(', ');

const noLandmark = (task: Task): FedcardioError =>
  new FedcardioError('BAD_LABEL', 'It contains no landmark.', {
    hint: `Mark at least one of ${namedClasses(task)}, or remove the file.`,
  });

import { FedcardioError } from '../error.ts';
import type { LabelEntry } from '../federation/schemas.ts';
import { TASKS, type TaskDefinition, type TaskId } from '../federation/tasks.ts';
import { contains, largestShift, sameGrid } from '../imaging/affine.ts';
import { readMarkups } from '../imaging/markups.ts';
import { scanNifti } from '../imaging/nifti-scan.ts';
import type { Grid } from '../imaging/volume.ts';

/** Voxels or points of each class, by its number. */
export type ClassCounts = LabelEntry['classes'];

/** Unknown values that are quoted to the uploader. */
const QUOTED_VALUES = 5;

/**
 * Reads a class map once, piece by piece, and counts its classes. An empty one is a label of a segmentation (no
 * calcium is a finding), but none of landmarks.
 *
 * @param image the grid of the case's image, on which the label must lie
 * @throws BAD_LABEL, or BAD_IMAGE where it is no readable volume; the source's own errors as they are
 */
export async function examineClassMap(
  source: AsyncIterable<Uint8Array>,
  fileBytes: number,
  task: TaskId,
  image: Grid,
): Promise<ClassCounts> {
  const { kind, classes } = TASKS[task];
  const counts = new Float64Array(classes.length + 1);
  const unknown = new Set<number>();
  await scanNifti(source, fileBytes, {
    header: (header) => checkGrid(header, image),
    values: (stored, { scaling: { slope, intercept } }) => {
      for (let i = 0; i < stored.length; i += 1) {
        const value = slope * (stored[i] as number) + intercept;
        const count = counts[value];
        if (count !== undefined) counts[value] = count + 1;
        else if (unknown.size < QUOTED_VALUES) unknown.add(value);
      }
    },
  });
  if (unknown.size > 0) {
    throw new FedcardioError('BAD_LABEL', `It holds the values ${[...unknown].join(', ')}, which are no classes.`, {
      hint: `Classes of ${task}: 0 background, ${namedClasses(TASKS[task])}.`,
    });
  }
  const found = Object.fromEntries(classes.map((_, i) => [String(i + 1), counts[i + 1] as number]));
  if (kind === 'landmarks' && Object.values(found).every((voxels) => voxels === 0)) throw noPoints(TASKS[task]);
  return found;
}

/**
 * Checks a markups file and counts its points by class, 1 or 0.
 *
 * @param image the grid of the case's image, in which the points must lie
 * @throws BAD_LABEL
 */
export function examineMarkups(text: string, task: TaskId, image: Grid): ClassCounts {
  const definition = TASKS[task];
  if (definition.kind !== 'landmarks') {
    throw new FedcardioError('BAD_LABEL', `${task} is a segmentation and cannot be given as points.`, {
      hint: `Upload the segmentation as labels/${task}.nii.gz.`,
    });
  }
  const points = readMarkups(text, definition.classes);
  const outside = points.filter(({ position }) => position && !contains(image, position));
  if (outside.length > 0) {
    const names = outside.map(({ label }) => definition.classes[label - 1]).join(', ');
    throw new FedcardioError('BAD_LABEL', `These points lie outside the image: ${names}.`, {
      hint: 'Check that the points belong to this scan, and that the file names its coordinate system (LPS or RAS).',
    });
  }
  if (points.every(({ position }) => position === null)) throw noPoints(definition);
  return Object.fromEntries(points.map(({ label, position }) => [String(label), position ? 1 : 0]));
}

function checkGrid(label: Grid, image: Grid): void {
  if (sameGrid(label, image)) return;
  const hint = "Export the segmentation with the CT as its reference volume, so that it lies on the CT's own voxels.";
  const [mine, its] = [label.shape.join('×'), image.shape.join('×')];
  if (mine !== its) {
    throw new FedcardioError('BAD_LABEL', `It has ${mine} voxels, the image ${its}.`, { hint });
  }
  const shift = largestShift(label, image).toFixed(1);
  throw new FedcardioError('BAD_LABEL', `It lies elsewhere than the image, by up to ${shift} mm.`, { hint });
}

const namedClasses = ({ classes }: TaskDefinition): string => classes.map((name, i) => `${i + 1} ${name}`).join(', ');

const noPoints = (task: TaskDefinition): FedcardioError =>
  new FedcardioError('BAD_LABEL', 'It holds no landmark.', {
    hint: `Mark at least one of ${namedClasses(task)}, or remove the file.`,
  });

import type { TaskId } from '../federation/tasks.ts';
import { TASKS } from '../federation/tasks.ts';
import { standardise } from '../imaging/intensity.ts';
import { landmarksOfClassMap } from '../imaging/landmarks.ts';
import { isotropicGrid, resample } from '../imaging/resample.ts';
import type { Landmark, Volume } from '../imaging/volume.ts';

/** A label as it is learnt: points stay points until a patch is cut, so that spheres stay round under augmentation. */
export type Target =
  | { readonly kind: 'points'; readonly points: readonly Landmark[] }
  | { readonly kind: 'mask'; readonly mask: Volume<Uint8Array> };

/** One CT ready for a network: standardised intensities on an isotropic RAS grid, and a target for some tasks. */
export interface PreparedCase {
  readonly id: string;
  readonly image: Volume<Float32Array>;
  readonly targets: ReadonlyMap<TaskId, Target>;
}

/** Resamples a CT in HU to the model's isotropic grid (`spacing` mm) and standardises its intensities. */
export function prepareImage(image: Volume, spacing: number): Volume<Float32Array> {
  const resampled = resample(image, isotropicGrid(image, spacing), 'linear', AIR_HU);
  return { ...resampled, data: standardise(resampled.data, resampled.data) };
}

/** What a class map teaches: centroids of its classes for landmark tasks, its voxels for segmentations. */
export function targetOfClassMap(task: TaskId, label: Volume): Target {
  const { kind, classes } = TASKS[task];
  if (kind === 'landmarks') return { kind: 'points', points: landmarksOfClassMap(label, classes.length) };
  return { kind: 'mask', mask: { ...label, data: Uint8Array.from(label.data) } };
}

const AIR_HU = -1000;

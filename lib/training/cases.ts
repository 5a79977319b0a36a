import type { TrainingConfig } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { TASKS } from '../federation/tasks.ts';
import { cropToHeart } from '../imaging/heart.ts';
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

/** How a network wants its CTs: isotropic voxels of `spacing` mm, at most `heartCrop` mm about the heart. */
export type Preparation = Pick<TrainingConfig, 'spacing' | 'heartCrop'>;

/** Resamples a CT in HU to the network's isotropic grid and standardises its intensities. */
export function prepareImage(image: Volume, { spacing, heartCrop }: Preparation): Volume<Float32Array> {
  const whole = isotropicGrid(image, spacing);
  const grid = heartCrop === null ? whole : cropToHeart(image, whole, heartCrop);
  const resampled = resample(image, grid, 'linear', AIR_HU);
  return { ...resampled, data: standardise(resampled.data, resampled.data) };
}

/** What a class map teaches: centroids of its classes for landmark tasks, its voxels for segmentations. */
export function targetOfClassMap(task: TaskId, label: Volume): Target {
  const { kind, classes } = TASKS[task];
  if (kind === 'landmarks') return { kind: 'points', points: landmarksOfClassMap(label, classes.length) };
  return { kind: 'mask', mask: { ...label, data: Uint8Array.from(label.data) } };
}

const AIR_HU = -1000;

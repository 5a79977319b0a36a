import type { TrainingConfig } from '../federation/schemas.ts';
import type { Task, TaskId } from '../federation/tasks.ts';
import { apply, contains, invert, multiply } from '../imaging/affine.ts';
import { boxAround, crop } from '../imaging/box.ts';
import { roundClasses } from '../imaging/class-map.ts';
import { cropToHeart } from '../imaging/heart-crop.ts';
import { CT_INTENSITY, type Intensity, intensityOf, normalise, normalised } from '../imaging/intensity.ts';
import { landmarksOfClassMap } from '../imaging/landmarks.ts';
import { isotropicGrid, resample } from '../imaging/resample.ts';
import type { Grid, Landmark, Volume } from '../imaging/volume.ts';
import type { SoftLabel } from './soft-labels.ts';

/** A label for training. Points stay points until a patch is cut, so that spheres stay round under augmentation. */
export type Target = (
  | { readonly kind: 'points'; readonly points: readonly Landmark[] }
  | { readonly kind: 'mask'; readonly mask: Volume<Uint8Array> }
) & {
  /** Pseudo-labels only: the teacher's confidence, 0 to 1, and its probabilities if they were kept. */
  readonly teacher?: { readonly confidence: number; readonly soft: SoftLabel | undefined };
};

/** An image ready for a network: normalised intensities on an isotropic RAS grid. */
export interface PreparedImage extends Volume<Float32Array> {
  /** The normalised value of what lies outside. */
  readonly outside: number;
}

/** One CT ready for a network, and targets for some tasks. */
export interface PreparedCase {
  readonly id: string;
  readonly image: PreparedImage;
  readonly targets: ReadonlyMap<TaskId, Target>;
}

/** How images are prepared: isotropic voxels of `spacing` mm, at most `heartCrop` mm around the heart. */
export interface Preparation extends Pick<TrainingConfig, 'spacing' | 'heartCrop'> {
  readonly intensity: Intensity;
}

/** How a stage prepares images. A plan has the intensities that a stage's tasks recommend (lib/protocol/plan.ts). */
export const preparationOf = ({ spacing, heartCrop, intensity = CT_INTENSITY }: TrainingConfig): Preparation => ({
  spacing,
  heartCrop,
  intensity,
});

/** Resamples an image, for a CT in HU, to the network's isotropic grid and normalises its intensities. */
export function prepareImage(image: Volume, { spacing, heartCrop, intensity }: Preparation): PreparedImage {
  const whole = isotropicGrid(image, spacing);
  const grid = heartCrop === null ? whole : cropToHeart(image, whole, heartCrop);
  const own = intensityOf(image.data, intensity);
  const resampled = resample(image, grid, 'linear', own.outside);
  const data = normalise(resampled.data, own, resampled.data);
  return { ...resampled, data, outside: normalised(own.outside, own) };
}

/** Whether some of a target's foreground lies outside an image, as after a crop that missed it. */
export function reachesBeyond(target: Target, image: Grid): boolean {
  if (target.kind === 'points') return target.points.some(({ position }) => position && !contains(image, position));
  const { data, shape, affine } = target.mask;
  const toImage = multiply(invert(image.affine), affine);
  const [nx, ny] = shape;
  return data.some((value, i) => {
    if (value === 0) return false;
    const index = apply(toImage, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))]);
    return index.some((at, axis) => at < -0.5 || at > (image.shape[axis] as number) - 0.5);
  });
}

/** The target of a class map: centroids of its classes for landmark tasks, its voxels for segmentations. */
export function targetOfClassMap({ kind, classes }: Task, label: Volume): Target {
  const data = roundClasses(label.data);
  if (kind === 'landmarks') return { kind: 'points', points: landmarksOfClassMap({ ...label, data }, classes.length) };
  return { kind: 'mask', mask: { ...label, data: Uint8Array.from(data) } };
}

/** A case that is read when a patch is cut from it, because a site may hold more CTs than its memory. */
export interface CaseSource {
  readonly id: string;
  /** Tasks with a target, and for pseudo-labels the teacher's confidence. */
  readonly targets: ReadonlyMap<TaskId, { readonly teacher?: { readonly confidence: number } }>;
  /** The same case each time, with {@link boxed} targets. Undefined if it can no longer be read. */
  load(): Promise<PreparedCase | undefined>;
}

/** A case that is already in memory. */
export function inMemory({ id, image, targets }: PreparedCase): CaseSource {
  const item = { id, image, targets: new Map([...targets].map(([task, target]) => [task, boxed(target)])) };
  return { id, targets, load: async () => item };
}

/**
 * Cuts a mask to the box around its foreground: calcium fills a thousandth of a CT, and cutting a patch would search
 * the whole mask.
 */
export const boxed = (target: Target): Target =>
  target.kind === 'mask' ? { ...target, mask: foregroundBox(target.mask) } : target;

/** Bytes of a target. */
export const bytesOf = (target: Target): number =>
  (target.kind === 'mask' ? target.mask.data.byteLength : 1_000) +
  (target.teacher?.soft ?? []).reduce((sum, { data }) => sum + data.byteLength, 0);

/** At least half the diagonal of a voxel of any model, mm: averaging over one voxel reaches this far. */
const MARGIN_MM = 10;

/** The part of a class map around its foreground; one voxel of background if there is none. */
function foregroundBox(map: Volume<Uint8Array>): Volume<Uint8Array> {
  return crop(map, boxAround(map, (value) => value !== 0, MARGIN_MM) ?? { first: [0, 0, 0], end: [1, 1, 1] });
}

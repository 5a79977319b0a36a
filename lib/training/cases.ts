import type { TaskId } from '../federation/tasks.ts';
import { TASKS } from '../federation/tasks.ts';
import { apply, spacingOf } from '../imaging/affine.ts';
import { standardise } from '../imaging/intensity.ts';
import { landmarksOfClassMap } from '../imaging/landmarks.ts';
import { isotropicGrid, resample } from '../imaging/resample.ts';
import type { Landmark, Vec3, Volume } from '../imaging/volume.ts';

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
  return { ...resampled, data: standardise(resampled.data) };
}

/** What a class map teaches: centroids of its classes for landmark tasks, its voxels for segmentations. */
export function targetOfClassMap(task: TaskId, label: Volume): Target {
  const { kind, classes } = TASKS[task];
  if (kind === 'landmarks') return { kind: 'points', points: landmarksOfClassMap(label, classes.length) };
  return { kind: 'mask', mask: { ...label, data: Uint8Array.from(label.data) } };
}

/**
 * The case with masks cut to the box around their foreground, outside of which there is nothing to learn: calcium fills
 * a thousandth of a CT, and every patch would go through all of it.
 */
export function boxed({ targets, ...item }: PreparedCase): PreparedCase {
  const box = (target: Target): Target =>
    target.kind === 'mask' ? { ...target, mask: foregroundBox(target.mask) } : target;
  return { ...item, targets: new Map([...targets].map(([task, target]) => [task, box(target)])) };
}

/** At least half the diagonal of a voxel of any model: what is averaged over one reaches so far, mm. */
const MARGIN_MM = 10;

/** The part of a class map around its foreground, with a margin of background. */
function foregroundBox({ data, shape, affine }: Volume): Volume<Uint8Array> {
  const [nx, ny, nz] = shape;
  const low = [nx, ny, nz];
  const high = [-1, -1, -1];
  let at = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, at++) {
        if (data[at] === 0) continue;
        [x, y, z].forEach((index, axis) => {
          low[axis] = Math.min(low[axis] as number, index);
          high[axis] = Math.max(high[axis] as number, index);
        });
      }
    }
  }
  const spacing = spacingOf(affine);
  const [first, end] = [new Array<number>(3), new Array<number>(3)];
  shape.forEach((side, axis) => {
    const margin = Math.ceil(MARGIN_MM / (spacing[axis] as number));
    const empty = (high[axis] as number) < 0;
    first[axis] = empty ? 0 : Math.max(0, (low[axis] as number) - margin);
    end[axis] = empty ? 1 : Math.min(side, (high[axis] as number) + margin + 1);
  });
  return cropped({ data, shape, affine }, first as unknown as Vec3, end as unknown as Vec3);
}

function cropped({ data, shape, affine }: Volume, first: Vec3, end: Vec3): Volume<Uint8Array> {
  const size = end.map((index, axis) => index - (first[axis] as number)) as unknown as Vec3;
  const box = new Uint8Array(size[0] * size[1] * size[2]);
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const from = first[0] + shape[0] * (first[1] + y + shape[1] * (first[2] + z));
      box.set(data.subarray(from, from + size[0]), size[0] * (y + size[1] * z));
    }
  }
  const origin = apply(affine, first);
  const row = (axis: 0 | 1 | 2) => [affine[axis][0], affine[axis][1], affine[axis][2], origin[axis]] as const;
  return { shape: size, affine: [row(0), row(1), row(2), [0, 0, 0, 1]], data: box };
}

const AIR_HU = -1000;

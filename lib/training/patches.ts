import { radiusOf, type Task, type TaskId } from '../federation/tasks.ts';
import { apply, spacingOf } from '../imaging/affine.ts';
import { paintLandmarks } from '../imaging/landmarks.ts';
import { resample } from '../imaging/resample.ts';
import type { Affine, Grid, Vec3, Volume } from '../imaging/volume.ts';
import type { Random } from '../random.ts';
import { pick, uniform } from '../random.ts';
import type { PreparedCase, Target } from './cases.ts';
import { coarsenMask, drawForeground } from './masks.ts';

/** A training patch: cubes of `side`³ voxels, x fastest. */
export interface Patch {
  readonly image: Float32Array;
  readonly targets: ReadonlyMap<TaskId, PatchTarget>;
}

/** A patch's target for one task. */
export interface PatchTarget {
  /** Class of every voxel. */
  readonly classes: Uint8Array;
  /**
   * Pseudo-labels only: the teacher's confidence, and its probabilities of the foreground classes if they were kept.
   */
  readonly teacher?: { readonly confidence: number; readonly soft: readonly Float32Array[] | undefined };
}

export interface PatchOptions {
  readonly side: number;
  /** In mm. */
  readonly spacing: number;
  readonly augment: boolean;
}

const FOREGROUND_SHARE = 0.67;
const MAX_ROTATION = (10 * Math.PI) / 180;
const MAX_SCALE = 0.1;
/** Largest shift of the patch's centre along each axis, as a share of its side. */
const JITTER = 0.08;

/**
 * Cuts one patch, aimed at a labelled voxel two times out of three. Augmentation keeps the anatomy possible: small
 * rotation, scale and translation, brightness, contrast and noise, but no mirroring, because left and right differ. The
 * geometry is one resampling step, so that a patch is interpolated once.
 */
export function cutPatch(from: PreparedCase, tasks: readonly Task[], options: PatchOptions, random: Random): Patch {
  const grid = {
    affine: patchAffine(from, tasks, options, random),
    shape: [options.side, options.side, options.side] as Vec3,
  };
  const image = resample(from.image, grid, 'linear', from.image.outside).data;
  const targets = new Map<TaskId, PatchTarget>();
  for (const task of tasks) {
    const target = from.targets.get(task.id);
    if (!target) continue;
    targets.set(task.id, { classes: paintTarget(target, grid, task, options.spacing), ...teacherOf(target, grid) });
  }
  return { image: options.augment ? augmentIntensity(image, random) : image, targets };
}

/** A target on a patch's grid: spheres around its points, or the classes of its mask. */
const paintTarget = (target: Target, grid: Grid, task: Task, spacing: number): Uint8Array =>
  target.kind === 'points'
    ? paintLandmarks(target.points, grid, radiusOf(task)).data
    : coarsenMask(target.mask, grid, task.classes.length, spacing);

function teacherOf({ teacher }: Target, grid: Grid): Pick<PatchTarget, 'teacher'> {
  if (!teacher) return {};
  const soft = teacher.soft?.map((map) => resample(map, grid, 'linear', 0).data);
  return { teacher: { confidence: teacher.confidence, soft } };
}

function patchAffine(
  from: PreparedCase,
  tasks: readonly Task[],
  { side, spacing, augment }: PatchOptions,
  random: Random,
): Affine {
  const centre = clampCentre(from.image, aim(from, tasks, random), side, augment, random);
  const [ax, ay, az] = [0, 1, 2].map(() =>
    augment ? uniform(random, -MAX_ROTATION, MAX_ROTATION) : 0,
  ) as unknown as Vec3;
  const scale = spacing * (augment ? uniform(random, 1 - MAX_SCALE, 1 + MAX_SCALE) : 1);
  const [cx, sx, cy, sy, cz, sz] = [Math.cos(ax), Math.sin(ax), Math.cos(ay), Math.sin(ay), Math.cos(az), Math.sin(az)];
  const rotation = [
    [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
    [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
    [-sy, cy * sx, cy * cx],
  ] as const;
  const half = (side - 1) / 2;
  const row = (axis: 0 | 1 | 2) => {
    const [a, b, c] = rotation[axis].map((value) => value * scale) as unknown as Vec3;
    return [a, b, c, centre[axis] - half * (a + b + c)] as const;
  };
  return [row(0), row(1), row(2), [0, 0, 0, 1]];
}

/** The world point to centre the patch on: near a labelled voxel, or anywhere in the volume. */
function aim(from: PreparedCase, tasks: readonly Task[], random: Random): Vec3 {
  if (random() < FOREGROUND_SHARE) {
    const labelled = tasks.filter(({ id }) => from.targets.has(id));
    const task = labelled.length > 0 ? pick(random, labelled) : undefined;
    const target = task && from.targets.get(task.id);
    const point = target && foregroundPoint(target, random);
    if (point) return point;
  }
  const [nx, ny, nz] = from.image.shape;
  return apply(from.image.affine, [random() * (nx - 1), random() * (ny - 1), random() * (nz - 1)]);
}

/** A random point of a target; undefined if it has none. */
function foregroundPoint(target: Target, random: Random): Vec3 | undefined {
  if (target.kind === 'points') {
    const found = target.points.flatMap((point) => (point.position ? [point.position] : []));
    return found.length > 0 ? pick(random, found) : undefined;
  }
  const index = drawForeground(target.mask, random);
  if (index === undefined) return undefined;
  const [nx, ny] = target.mask.shape;
  return apply(target.mask.affine, [index % nx, Math.floor(index / nx) % ny, Math.floor(index / (nx * ny))]);
}

/** Keeps the patch inside the volume if the volume is larger, then shifts it slightly when augmenting. */
function clampCentre(image: Volume, centre: Vec3, side: number, augment: boolean, random: Random): Vec3 {
  const spacing = spacingOf(image.affine);
  return centre.map((value, axis) => {
    const origin = image.affine[axis as 0 | 1 | 2][3];
    const step = spacing[axis as 0 | 1 | 2];
    const length = (image.shape[axis as 0 | 1 | 2] - 1) * step;
    const half = ((side - 1) / 2) * step;
    const clamped =
      length <= 2 * half ? origin + length / 2 : Math.min(Math.max(value, origin + half), origin + length - half);
    return augment ? clamped + uniform(random, -JITTER, JITTER) * side * step : clamped;
  }) as unknown as Vec3;
}

/** In place. Noise is half the cost of cutting a patch, so each pair of uniform numbers gives two deviates. */
function augmentIntensity(image: Float32Array, random: Random): Float32Array {
  const gain = uniform(random, 0.85, 1.15);
  const shift = uniform(random, -0.15, 0.15);
  const noise = random() < 0.5 ? uniform(random, 0, 0.15) : 0;
  for (let i = 0; i < image.length; i++) image[i] = (image[i] as number) * gain + shift;
  if (noise === 0) return image;
  for (let i = 0; i < image.length; i += 2) {
    // Box and Muller (1958).
    const radius = noise * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    image[i] = (image[i] as number) + radius * Math.cos(angle);
    if (i + 1 < image.length) image[i + 1] = (image[i + 1] as number) + radius * Math.sin(angle);
  }
  return image;
}

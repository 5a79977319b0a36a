import { leastConfidence, type Task } from '../federation/tasks.ts';
import type { FoundLandmark } from '../imaging/landmarks.ts';
import type { Landmark, Vec3, Volume } from '../imaging/volume.ts';
import { foregroundVolume } from '../scoring/foreground-volume.ts';

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly detail?: string;
}

/** A prediction. Without a class map its volume is not checked. */
interface Found {
  readonly confidence: number;
  readonly classMap?: Volume;
  readonly landmarks?: readonly FoundLandmark[];
}

/** Least share of a class's voxels in the component of its point: single stray voxels pass, a second structure does not. */
const LEAST_SHARE = 0.8;

const ALL_FOUND = 'all-found';

/**
 * The checks that a pseudo-label must pass to be learnt from: confidence and a plausible anatomy.
 *
 * @param filter `minConfidence` by default {@link leastConfidence}
 */
export function pseudoLabelChecks(
  task: Task,
  found: Found,
  filter: { readonly minConfidence?: number | undefined; readonly plausibility: boolean },
): readonly Check[] {
  const least = filter.minConfidence ?? leastConfidence(task);
  const confidence: Check = {
    name: 'confidence',
    passed: found.confidence >= least,
    detail: `${found.confidence.toFixed(2)} of at least ${Number(least.toFixed(3))}`,
  };
  if (!filter.plausibility) return [confidence];
  if (!found.landmarks) return [confidence, ...volume(task, found.classMap)];
  const { landmarks } = found;
  return [confidence, allFound(task, landmarks), ...components(task, landmarks), ...distances(task, landmarks)];
}

/**
 * What makes a prediction implausible, one text each: the checks of pseudo-labels that it fails. A segmentation without
 * foreground is a finding, and missing points are told as such.
 */
export function doubtsOf(task: Task, found: Found): readonly string[] {
  if (!found.landmarks && found.confidence === 0) return [];
  return pseudoLabelChecks(task, found, { plausibility: true })
    .filter(({ name, passed }) => !passed && name !== ALL_FOUND)
    .map(({ name, detail }) => `${name}: ${detail}`);
}

function allFound(task: Task, landmarks: readonly Landmark[]): Check {
  const missing = landmarks.filter((point) => point.position === null).map((point) => task.classes[point.label - 1]);
  if (missing.length === 0) return { name: ALL_FOUND, passed: true };
  return { name: ALL_FOUND, passed: false, detail: `missing: ${missing.join(', ')}` };
}

function components(task: Task, landmarks: readonly FoundLandmark[]): readonly Check[] {
  return landmarks.flatMap(({ label, share }) => {
    if (share === undefined) return [];
    const detail = `${share.toFixed(2)} of its voxels, expected at least ${LEAST_SHARE}`;
    return [{ name: `largest component of ${task.classes[label - 1]}`, passed: share >= LEAST_SHARE, detail }];
  });
}

function distances(task: Task, landmarks: readonly Landmark[]): readonly Check[] {
  if (task.kind !== 'landmarks') return [];
  const { classes, plausibleDistances = [] } = task;
  const positions = new Map(landmarks.map((point) => [classes[point.label - 1], point.position]));
  return plausibleDistances.flatMap(({ between: [a, b], mm: [low, high] }) => {
    const [from, to] = [positions.get(a), positions.get(b)];
    if (!from || !to) return [];
    const mm = distance(from, to);
    return [
      {
        name: `distance ${a} to ${b}`,
        passed: mm >= low && mm <= high,
        detail: `${mm.toFixed(1)} mm of ${low} to ${high}`,
      },
    ];
  });
}

function volume(task: Task, classMap: Volume | undefined): readonly Check[] {
  if (task.kind !== 'segmentation' || !classMap || !task.plausibleVolumeMm3) return [];
  const { classes, plausibleVolumeMm3: plausible } = task;
  const [low, high] = plausible;
  const mm3 = foregroundVolume(classMap);
  const detail = `${mm3.toFixed(1)} mm³ of ${low} to ${high}`;
  return [{ name: `volume of ${classes.join(' and ')}`, passed: mm3 >= low && mm3 <= high, detail }];
}

/** Euclidean distance, mm. */
export const distance = (a: Vec3, b: Vec3): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

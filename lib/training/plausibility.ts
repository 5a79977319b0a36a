import type { TaskId } from '../federation/tasks.ts';
import { TASKS } from '../federation/tasks.ts';
import type { Landmark, Vec3 } from '../imaging/volume.ts';

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly detail?: string;
}

/**
 * Ranges of the distance between two landmarks, mm, chosen wide: they catch a point in the wrong structure, not an
 * unusual patient. Two hinge points are a chord of the annulus (18 to 32 mm across in TAVI patients), an ostium
 * lies one coronary height (usually 8 to 20 mm) above its hinge point.
 */
const DISTANCES: Partial<Record<TaskId, readonly (readonly [a: number, b: number, low: number, high: number])[]>> = {
  'hinge-points': [
    [1, 2, 12, 34],
    [1, 3, 12, 34],
    [2, 3, 12, 34],
    [1, 4, 5, 32],
    [2, 5, 5, 32],
    [4, 5, 8, 40],
  ],
  'membranous-septum': [[1, 2, 2, 20]],
};

/** What a pseudo-label must satisfy to be learnt from: enough confidence and, for landmarks, a possible anatomy. */
export function pseudoLabelChecks(
  task: TaskId,
  found: { readonly confidence: number; readonly landmarks?: readonly Landmark[] },
  filter: { readonly minConfidence: number; readonly plausibility: boolean },
): readonly Check[] {
  const confidence: Check = {
    name: 'confidence',
    passed: found.confidence >= filter.minConfidence,
    detail: `${found.confidence.toFixed(2)} of at least ${filter.minConfidence}`,
  };
  if (!filter.plausibility || !found.landmarks) return [confidence];
  return [confidence, allFound(task, found.landmarks), ...distances(task, found.landmarks)];
}

function allFound(task: TaskId, landmarks: readonly Landmark[]): Check {
  const missing = landmarks
    .filter((point) => point.position === null)
    .map((point) => TASKS[task].classes[point.label - 1]);
  if (missing.length === 0) return { name: 'all-found', passed: true };
  return { name: 'all-found', passed: false, detail: `missing: ${missing.join(', ')}` };
}

function distances(task: TaskId, landmarks: readonly Landmark[]): readonly Check[] {
  const positions = new Map(landmarks.map((point) => [point.label, point.position]));
  return (DISTANCES[task] ?? []).flatMap(([a, b, low, high]) => {
    const [from, to] = [positions.get(a), positions.get(b)];
    if (!from || !to) return [];
    const mm = distance(from, to);
    const { classes } = TASKS[task];
    const name = `distance ${classes[a - 1]} to ${classes[b - 1]}`;
    return [{ name, passed: mm >= low && mm <= high, detail: `${mm.toFixed(1)} mm of ${low} to ${high}` }];
  });
}

/** Euclidean distance, mm. */
export const distance = (a: Vec3, b: Vec3): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/**
 * The tasks that networks learn. An entry of {@link TASKS} is all that defines a task: intake, training, scoring and
 * reports read it. `test/tasks.test.ts` checks every entry.
 */

/** One task. Its id is its key in {@link TASKS}. Class 0 is always the background. */
export interface TaskDefinition {
  readonly kind: 'landmarks' | 'segmentation';
  /** Name for readers. */
  readonly title: string;
  /** Ids of the classes 1, 2, …, in this order. */
  readonly classes: readonly string[];
  /** Names of the classes for readers, in the same order. By default the ids, with spaces for hyphens. */
  readonly classTitles?: readonly string[];
  /** Landmarks only: distances that a pseudo-label must have to be learnt from. */
  readonly plausibleDistances?: readonly PlausibleDistance[];
  /** Segmentations only: bounds, inclusive, of the volume of class 1 that a prediction may plausibly have, mm³. */
  readonly plausibleVolumeMm3?: readonly [low: number, high: number];
  /** Segmentations only: whether the volume of class 1 is scored and reported. */
  readonly reportsVolume?: boolean;
}

interface PlausibleDistance {
  /** Two classes of the task. */
  readonly between: readonly [string, string];
  /** Inclusive bounds. */
  readonly mm: readonly [low: number, high: number];
}

/**
 * The tasks of Tölle et al. 2025 (npj Digital Medicine 8:88).
 *
 * The plausible distances are wide: they catch a point in the wrong structure, not an unusual patient. Two hinge points
 * are a chord of the annulus, which is 18 to 32 mm across in TAVI patients. An ostium lies one coronary height, usually
 * 8 to 20 mm, above its hinge point.
 *
 * So is the plausible volume of calcium. Stenosis is severe from a score of 1,274 (women) or 2,065 (men) (Clavel et al.
 * 2014, J Am Coll Cardiol 64:1202), and scores above 6,000 are rare. A score counts each 3 mm³ of calcium one to four
 * times by its density (Agatston et al. 1990, J Am Coll Cardiol 15:827), so that such a valve, which is dense, holds
 * about 5 ml. The bound is twice that.
 */
const DEFINITIONS = {
  'hinge-points': {
    kind: 'landmarks',
    title: 'Hinge points and coronary ostia',
    classes: ['hinge-right', 'hinge-left', 'hinge-non-coronary', 'ostium-right', 'ostium-left'],
    classTitles: ['right hinge point', 'left hinge point', 'non-coronary hinge point', 'right ostium', 'left ostium'],
    plausibleDistances: [
      { between: ['hinge-right', 'hinge-left'], mm: [12, 34] },
      { between: ['hinge-right', 'hinge-non-coronary'], mm: [12, 34] },
      { between: ['hinge-left', 'hinge-non-coronary'], mm: [12, 34] },
      { between: ['hinge-right', 'ostium-right'], mm: [5, 32] },
      { between: ['hinge-left', 'ostium-left'], mm: [5, 32] },
      { between: ['ostium-right', 'ostium-left'], mm: [8, 40] },
    ],
  },
  'membranous-septum': {
    kind: 'landmarks',
    title: 'Membranous septum',
    classes: ['septum-start', 'septum-end'],
    plausibleDistances: [{ between: ['septum-start', 'septum-end'], mm: [2, 20] }],
  },
  calcification: {
    kind: 'segmentation',
    title: 'Calcification',
    classes: ['calcium'],
    plausibleVolumeMm3: [0, 10_000],
    reportsVolume: true,
  },
  'coronary-arteries': {
    kind: 'segmentation',
    title: 'Coronary arteries',
    classes: ['lumen'],
  },
} as const satisfies Readonly<Record<string, TaskDefinition>>;

/** Id of a learning task. */
export type TaskId = keyof typeof DEFINITIONS;
/** Every learning task by its id. */
export const TASKS: Readonly<Record<TaskId, TaskDefinition>> = DEFINITIONS;
/** Ids of all tasks, in the order of {@link TASKS}. */
export const TASK_IDS: readonly TaskId[] = Object.keys(DEFINITIONS) as TaskId[];

/** The tasks of the paper's results table: those that the teachers and students of demo and experiment learn. */
export const PAPER_TASKS = ['hinge-points', 'membranous-septum', 'calcification'] as const satisfies readonly TaskId[];

/** The task that no teacher learns: the experiment trains probes on it. */
export const PROBE_TASK = 'coronary-arteries' satisfies TaskId;

/** Radius of the sphere that represents a landmark while it is learnt as a segmentation, mm. */
export const LANDMARK_RADIUS_MM = 4;

/** A landmark counts as found when its error is at most this, mm. */
export const WITHIN_MM = 6;

export const isTaskId = (text: string): text is TaskId => (TASK_IDS as readonly string[]).includes(text);

/** Name of a class for readers. Classes count from 1. */
export function classTitle(task: TaskId, label: number): string {
  const { classes, classTitles } = TASKS[task];
  return classTitles?.[label - 1] ?? classes[label - 1]?.replaceAll('-', ' ') ?? `class ${label}`;
}

/**
 * Whether a network can learn from a label. A landmark label must have every point: the network would otherwise be
 * taught that a missing point is nowhere.
 *
 * @param classes voxels or points of each class, by its number
 */
export const isComplete = (task: TaskId, classes: Readonly<Record<string, number>>): boolean =>
  TASKS[task].kind !== 'landmarks' || TASKS[task].classes.every((_, index) => (classes[index + 1] ?? 0) > 0);

/** Channels of a task's head: its classes and the background. */
export const channelsOf = (task: TaskId): number => TASKS[task].classes.length + 1;

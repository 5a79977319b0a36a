import { FedcardioError } from '../error.ts';
import { nearest } from '../nearest.ts';
import type { Task } from './schemas/task.ts';

export type { Task } from './schemas/task.ts';

/**
 * The tasks that networks learn. A federation declares its own (`tasks.json`, `federation.json`); by default it has those
 * of {@link DEFAULT_TASKS}. Intake, training, scoring and reports read the definitions, and a plan freezes those that its
 * campaign uses.
 */

/** Id of a task. */
export type TaskId = string;

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
    id: 'hinge-points',
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
    id: 'membranous-septum',
    kind: 'landmarks',
    title: 'Membranous septum',
    classes: ['septum-start', 'septum-end'],
    plausibleDistances: [{ between: ['septum-start', 'septum-end'], mm: [2, 20] }],
  },
  calcification: {
    id: 'calcification',
    kind: 'segmentation',
    title: 'Calcification',
    classes: ['calcium'],
    plausibleVolumeMm3: [0, 10_000],
    reportsVolume: true,
  },
  'coronary-arteries': {
    id: 'coronary-arteries',
    kind: 'segmentation',
    title: 'Coronary arteries',
    classes: ['lumen'],
  },
} satisfies Readonly<Record<string, Task>>;

/** Ids of the tasks of {@link DEFAULT_TASKS}. */
export type DefaultTaskId = keyof typeof DEFINITIONS;
/** The default tasks by their ids. */
export const TASKS: Readonly<Record<DefaultTaskId, Task>> = DEFINITIONS;
/** The tasks of a federation that declares none. */
export const DEFAULT_TASKS: readonly Task[] = Object.values(DEFINITIONS);

/** The tasks of the paper's results table: those that the teachers and students of demo and experiment learn. */
export const PAPER_TASKS = [
  'hinge-points',
  'membranous-septum',
  'calcification',
] as const satisfies readonly DefaultTaskId[];

/** The task that no teacher learns: the experiment trains probes on it. */
export const PROBE_TASK = 'coronary-arteries' satisfies DefaultTaskId;

/** Radius of the sphere that represents a landmark while it is learnt as a segmentation, mm, unless its task says another. */
export const LANDMARK_RADIUS_MM = 4;

/** Radius of a task's landmarks, mm. */
export const radiusOf = (task: Task): number => (task.kind === 'landmarks' && task.radiusMm) || LANDMARK_RADIUS_MM;

/** A landmark counts as found when its error is at most this, mm. */
export const WITHIN_MM = 6;

/**
 * The task of an id.
 *
 * @throws BAD_CONFIGURATION if there is none, with the nearest id
 */
export function taskOf(tasks: readonly Task[], id: TaskId): Task {
  const task = tasks.find((candidate) => candidate.id === id);
  if (task) return task;
  const ids = tasks.map((known) => known.id);
  const near = nearest(id, ids);
  throw new FedcardioError('BAD_CONFIGURATION', `There is no task "${id}".`, {
    hint: near === undefined ? `Tasks are ${ids.join(', ')}.` : `Did you mean "${near}"? Tasks are ${ids.join(', ')}.`,
  });
}

/** The tasks of some ids, in the ids' order. @throws BAD_CONFIGURATION as {@link taskOf} */
export const tasksNamed = (tasks: readonly Task[], ids: readonly TaskId[]): readonly Task[] =>
  ids.map((id) => taskOf(tasks, id));

/** Name of a class for readers. Classes count from 1. */
export const classTitle = ({ classes, classTitles }: Task, label: number): string =>
  classTitles?.[label - 1] ?? classes[label - 1]?.replaceAll('-', ' ') ?? `class ${label}`;

/**
 * Whether a network can learn from a label. A landmark label must have every point: the network would otherwise be
 * taught that a missing point is nowhere.
 *
 * @param counts voxels or points of each class, by its number
 */
export const isComplete = ({ kind, classes }: Task, counts: Readonly<Record<string, number>>): boolean =>
  kind !== 'landmarks' || classes.every((_, index) => (counts[index + 1] ?? 0) > 0);

/** Channels of a task's head: its classes and the background. */
export const channelsOf = ({ classes }: Task): number => classes.length + 1;

/**
 * Probability of each class without any knowledge. That of the winning class is at least this in every voxel, so that the mean over
 * a mask is too, however unsure the network is.
 */
export const chanceOf = (task: Task): number => 1 / channelsOf(task);

/**
 * Confidence from which a prediction of a task is believed, unless a stage says otherwise: halfway between chance and certainty.
 * 0.75 with one class beside the background, 0.55 with nine. A number for all tasks would refuse nothing of those with few classes.
 */
export const leastConfidence = (task: Task): number => (1 + chanceOf(task)) / 2;

/** What a task's labels are and how predictions of it are scored. Class 0 is always background. */
export interface TaskDefinition {
  readonly id: TaskId;
  readonly kind: 'landmarks' | 'segmentation';
  /** Names of the classes 1, 2, …, in order. */
  readonly classes: readonly string[];
}

export const TASK_IDS = ['hinge-points', 'membranous-septum', 'calcification', 'coronary-arteries'] as const;
export type TaskId = (typeof TASK_IDS)[number];

/** Radius of the sphere that stands for a landmark while it is learnt as a segmentation, in mm. */
export const LANDMARK_RADIUS_MM = 4;

/** A landmark counts as found when its error is at most this, in mm. */
export const WITHIN_MM = 6;

/** The tasks of Tölle et al. 2025 (npj Digital Medicine 8:88). */
export const TASKS: Readonly<Record<TaskId, TaskDefinition>> = {
  'hinge-points': {
    id: 'hinge-points',
    kind: 'landmarks',
    classes: ['hinge-right', 'hinge-left', 'hinge-non-coronary', 'ostium-right', 'ostium-left'],
  },
  'membranous-septum': { id: 'membranous-septum', kind: 'landmarks', classes: ['septum-start', 'septum-end'] },
  calcification: { id: 'calcification', kind: 'segmentation', classes: ['calcium'] },
  'coronary-arteries': { id: 'coronary-arteries', kind: 'segmentation', classes: ['lumen'] },
};

export const isTaskId = (text: string): text is TaskId => (TASK_IDS as readonly string[]).includes(text);

/**
 * Whether a label can be learnt from. Of landmarks, every point has to be placed: around one that was not, nothing is
 * known, and a network would be taught that it is nowhere.
 *
 * @param classes how often the label has each class, by its number
 */
export const isComplete = (task: TaskId, classes: Readonly<Record<string, number>>): boolean =>
  TASKS[task].kind !== 'landmarks' || TASKS[task].classes.every((_, index) => (classes[index + 1] ?? 0) > 0);

/** Channels of a task's head: its classes and the background. */
export const channelsOf = (task: TaskId): number => TASKS[task].classes.length + 1;

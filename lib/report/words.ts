import type { Stage } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import type { ModelRole } from './report.ts';

/** Names for readers who know hearts, not our identifiers. */
export const TASK_TITLES: Readonly<Record<TaskId, string>> = {
  'hinge-points': 'Hinge points and coronary ostia',
  'membranous-septum': 'Membranous septum',
  calcification: 'Calcification',
  'coronary-arteries': 'Coronary arteries',
};

export const ROLE_TITLES: Readonly<Record<ModelRole, string>> = {
  teacher: 'Teacher CNNs',
  student: 'Distilled student',
  studentLabelsOnly: 'Student on labels alone',
};

const POINTS: Readonly<Record<string, string>> = {
  'hinge-right': 'right hinge point',
  'hinge-left': 'left hinge point',
  'hinge-non-coronary': 'non-coronary hinge point',
  'ostium-right': 'right ostium',
  'ostium-left': 'left ostium',
  'septum-start': 'septum start',
  'septum-end': 'septum end',
};

/** What a landmark class of `TASKS` is called in a caption. */
export const pointTitle = (name: string): string => POINTS[name] ?? name.replaceAll('-', ' ');

/** Names of the kinds of stages; `control` is a student without pseudo-labels. */
const KIND_TITLES: Readonly<Record<Stage['kind'] | 'control', string>> = {
  teacher: 'teacher',
  'pseudo-label': 'pseudo-labels',
  student: 'student',
  control: 'student on labels alone',
  probe: 'probe',
  evaluate: 'evaluation',
};

export const kindTitle = (kind: string): string => new Map(Object.entries(KIND_TITLES)).get(kind) ?? kind;

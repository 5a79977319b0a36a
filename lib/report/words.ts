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

export const KIND_TITLES: Readonly<Record<string, string>> = {
  teacher: 'teacher',
  'pseudo-label': 'pseudo-labels',
  student: 'student',
  control: 'student on labels alone',
  evaluate: 'evaluation',
};

import type { ModelRole, ReportedKind } from './report.ts';

/** Names of models and stages for clinical readers. Tasks and classes have theirs in `TASKS`. */

export const ROLE_TITLES: Readonly<Record<ModelRole, string>> = {
  teacher: 'Teacher CNNs',
  student: 'Distilled student',
  studentLabelsOnly: 'Student on labels alone',
};

export const KIND_TITLES: Readonly<Record<ReportedKind, string>> = {
  teacher: 'teacher',
  'pseudo-label': 'pseudo-labels',
  student: 'student',
  control: 'student on labels alone',
  probe: 'probe',
  evaluate: 'evaluation',
};

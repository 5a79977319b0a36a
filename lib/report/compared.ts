import type { MetricsByTask } from '../scoring/metrics.ts';
import { MODEL_ROLES, type ModelRole, type Report } from './report.ts';
import { ROLE_TITLES } from './titles.ts';

/** A row of the comparisons: a role, or an evaluated model without one. */
export interface Compared {
  readonly title: string;
  readonly role: ModelRole | undefined;
  readonly metrics: MetricsByTask;
}

/** What the report compares: the roles that were evaluated, then every other model by its name. */
export const comparedModels = ({ metrics, models }: Pick<Report, 'metrics' | 'models'>): readonly Compared[] => [
  ...MODEL_ROLES.filter((role) => Object.keys(metrics[role]).length > 0).map((role) => ({
    title: ROLE_TITLES[role],
    role,
    metrics: metrics[role],
  })),
  ...models
    .filter(({ role, metrics }) => role === undefined && Object.keys(metrics).length > 0)
    .map(({ name, metrics }) => ({ title: name, role: undefined, metrics })),
];

/** Whether distillation can be judged: both students were evaluated on landmarks. */
export const hasBothStudents = ({ landmarks }: Pick<Report, 'landmarks'>): boolean =>
  landmarks.student !== undefined && landmarks.studentLabelsOnly !== undefined;

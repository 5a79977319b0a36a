import type { Score, Stage } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { type LandmarkMetrics, metricsOf, pooledLandmarks } from '../scoring/metrics.ts';
import { MODEL_ROLES, type ModelMetrics, type ModelRole } from './report.ts';

type Scores = Readonly<Record<ModelRole, readonly Score[]>>;

/**
 * Groups the scores of a campaign's evaluation by the role of their models: teachers, each for its own task; the
 * student with pseudo-labels; the student on labels alone. Scores of other models are left out.
 */
export function scoresByRole(stages: readonly Stage[], scores: readonly Score[]): Scores {
  const roles = new Map<string, (task: TaskId) => ModelRole | undefined>();
  for (const stage of stages) {
    if (stage.kind !== 'evaluate') continue;
    for (const [model, name] of Object.entries(stage.models)) {
      const of = stages.find((candidate) => candidate.name === name);
      roles.set(model, (task) => of && roleOf(of, task));
    }
  }
  const having = (role: ModelRole) => scores.filter(({ model, task }) => roles.get(model)?.(task) === role);
  return { teacher: having('teacher'), student: having('student'), studentLabelsOnly: having('studentLabelsOnly') };
}

function roleOf(stage: Stage, task: TaskId): ModelRole | undefined {
  switch (stage.kind) {
    case 'teacher':
      return stage.task === task ? 'teacher' : undefined;
    case 'student':
      return stage.pseudoLabels === undefined ? 'studentLabelsOnly' : 'student';
    case 'pseudo-label':
    case 'probe':
    case 'evaluate':
      return undefined;
  }
}

/** Metrics by role and task. */
export const modelMetrics = (scores: Scores): ModelMetrics => ({
  teacher: metricsOf(scores.teacher),
  student: metricsOf(scores.student),
  studentLabelsOnly: metricsOf(scores.studentLabelsOnly),
});

/** All landmark tasks pooled, for the models with landmark scores. */
export function landmarksByRole(scores: Scores): Readonly<Partial<Record<ModelRole, LandmarkMetrics>>> {
  const pooled = MODEL_ROLES.map((role) => [role, pooledLandmarks(scores[role])] as const);
  return Object.fromEntries(pooled.filter(([, metrics]) => metrics !== undefined));
}

import { kindOf, type Score, type Stage } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { type LandmarkMetrics, metricsOf, pooledLandmarks } from '../scoring/metrics.ts';
import { MODEL_ROLES, type ModelMetrics, type ModelRole } from './report.ts';
import { reportedEvaluations } from './scored-cases.ts';

type Scores = Readonly<Record<ModelRole, readonly Score[]>>;

/**
 * Groups the scores of a campaign's evaluation by the role of their models: teachers, each for its own task; the
 * student with pseudo-labels; the student on labels alone. Scores of models without a role are left out.
 */
export function scoresByRole(stages: readonly Stage[], scores: readonly Score[]): Scores {
  const roles = rolesOf(stages);
  const models = evaluatedModels(stages);
  const having = (role: ModelRole) =>
    scores.filter(({ model, task }) => {
      const of = models.get(model);
      return roles.get(model) === role && of !== undefined && roleOf(of, task) === role;
    });
  return { teacher: having('teacher'), student: having('student'), studentLabelsOnly: having('studentLabelsOnly') };
}

/**
 * The roles of the evaluated models. A role that several models have for one task compares nothing: none of its models has
 * it then.
 */
export function rolesOf(stages: readonly Stage[]): ReadonlyMap<string, ModelRole> {
  const found = [...evaluatedModels(stages)].flatMap(([model, stage]) =>
    MODEL_ROLES.filter((role) =>
      kindOf(stage)
        .tasks(stage)
        .some((task) => roleOf(stage, task) === role),
    ).map((role) => ({
      model,
      role,
      tasks: kindOf(stage).tasks(stage),
    })),
  );
  const shared = new Set(
    found
      .filter((one) =>
        found.some((other) => other !== one && other.role === one.role && overlap(one.tasks, other.tasks)),
      )
      .map(({ role }) => role),
  );
  return new Map(found.filter(({ role }) => !shared.has(role)).map(({ model, role }) => [model, role]));
}

const overlap = (a: readonly TaskId[], b: readonly TaskId[]): boolean => a.some((task) => b.includes(task));

/** The stage of every evaluated model, by the model's name. */
const evaluatedModels = (stages: readonly Stage[]): ReadonlyMap<string, Stage> =>
  new Map(
    reportedEvaluations(stages).flatMap(({ models }) =>
      Object.entries(models).flatMap(([model, name]) => {
        const stage = stages.find((candidate) => candidate.name === name);
        return stage ? [[model, stage] as const] : [];
      }),
    ),
  );

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

import { type DefaultTaskId, PAPER_TASKS, TASKS } from '../../federation/tasks.ts';
import { own } from '../../own.ts';
import { landmarkMetrics, segmentationMetrics } from '../../scoring/metrics.ts';
import { quantile } from '../../scoring/quantile.ts';
import type { Row, TrainedModel } from './compared-models.ts';
import type { SeedResult } from './seed-result.ts';

export const LANDMARK_TASKS: readonly DefaultTaskId[] = PAPER_TASKS.filter((task) => TASKS[task].kind === 'landmarks');

/**
 * Where a model is evaluated: at sites whose labels it learnt from, at other sites that take part in training, or at
 * external sites, which have no training cases and a scanner that no other site has.
 */
export type Group = 'training' | 'other' | 'external' | 'all';

export const GROUPS = ['training', 'other', 'external'] as const satisfies readonly Group[];

/** One hospital of one seed. */
export interface Cluster {
  readonly result: SeedResult;
  readonly site: string;
}

export type Score = SeedResult['scores'][string][number];

export const clustersOf = (results: readonly SeedResult[]): readonly Cluster[] =>
  results.flatMap((result) => result.sites.map(({ id }) => ({ result, site: id })));

/** Scores of a row's models in some clusters. */
export const scoresOf = (clusters: readonly Cluster[], row: Row, task: DefaultTaskId, group: Group): readonly Score[] =>
  clusters.flatMap(({ result, site }) =>
    row.models(task, labelledAt(result, task)).flatMap((of) => {
      if (!isIn(group, of, { result, site })) return [];
      const score = own(result.scores, site)?.find((one) => one.model === of.model && one.task === task);
      return score ? [score] : [];
    }),
  );

/** Values of a row in some clusters: errors in mm by point, null for a missing one; or Dice by case. */
export const valuesOf = (
  clusters: readonly Cluster[],
  row: Row,
  task: DefaultTaskId,
  group: Group,
): readonly (number | null)[] => scoresOf(clusters, row, task, group).flatMap(valuesOfScore);

const valuesOfScore = ({ errors, dice }: Score): readonly (number | null)[] =>
  errors ? Object.values(errors).flat() : (dice ?? []);

/** Sites with training labels of a task. */
export const labelledAt = ({ sites }: SeedResult, task: DefaultTaskId): readonly string[] =>
  sites.filter(({ labelled }) => (labelled[task] ?? 0) > 0).map(({ id }) => id);

/** Whether a site is in a group, for a model. */
export function isIn(group: Group, { trainedAt }: Pick<TrainedModel, 'trainedAt'>, { result, site }: Cluster): boolean {
  if (group === 'all') return true;
  if (trainedAt.includes(site)) return group === 'training';
  const isExternal = result.sites.find(({ id }) => id === site)?.training === 0;
  return group === (isExternal ? 'external' : 'other');
}

/** The paper's figure: median error of the found points in mm, or median Dice; null without values. */
export const medianOf = (task: DefaultTaskId, values: readonly (number | null)[]): number | null =>
  TASKS[task].kind === 'landmarks' ? landmarkMetrics(values).median : segmentationMetrics(values).dice;

/**
 * Median error in mm with a missing point as the farthest: infinite if half of the points or more are missing, null
 * without points.
 */
export const medianWithMissing = (errors: readonly (number | null)[]): number | null => {
  // Interpolation between a number and infinity is not a number.
  const middle = quantile(
    errors.map((error) => error ?? FARTHEST_MM),
    0.5,
  );
  return middle !== null && middle >= FARTHEST_MM / 2 ? Number.POSITIVE_INFINITY : middle;
};
const FARTHEST_MM = 1e9;

/** Share of all points found within 6 mm. Unlike a median, it counts missing points. */
export const shareOf = (values: readonly (number | null)[]): number | null => landmarkMetrics(values).within6mm;

/** {@link shareOf} all landmark tasks, or some of them. Every point counts once. */
export const landmarkShare = (
  clusters: readonly Cluster[],
  row: Row,
  group: Group,
  tasks: readonly DefaultTaskId[] = LANDMARK_TASKS,
): number | null => shareOf(tasks.flatMap((task) => valuesOf(clusters, row, task, group)));

import { type DefaultTaskId, PAPER_TASKS, TASKS } from '../../federation/tasks.ts';
import { own } from '../../own.ts';
import { landmarkMetrics, segmentationMetrics } from '../../scoring/metrics.ts';
import type { Row, TrainedModel } from './compared-models.ts';
import type { SeedResult } from './seed-result.ts';

export const LANDMARK_TASKS: readonly DefaultTaskId[] = PAPER_TASKS.filter((task) => TASKS[task].kind === 'landmarks');

/** Where a model is evaluated: at sites whose labels it learnt from, or at all others. */
export type Group = 'training' | 'other' | 'all';

/** One hospital of one seed: the unit of the bootstrap. */
export interface Cluster {
  readonly result: SeedResult;
  readonly site: string;
}

export const clustersOf = (results: readonly SeedResult[]): readonly Cluster[] =>
  results.flatMap((result) => result.sites.map(({ id }) => ({ result, site: id })));

/** Values of a row in some clusters: errors in mm by point, null for a missing one; or Dice by case. */
export function valuesOf(
  clusters: readonly Cluster[],
  row: Row,
  task: DefaultTaskId,
  group: Group,
): readonly (number | null)[] {
  return clusters.flatMap(({ result, site }) =>
    row.models(task, labelledAt(result, task)).flatMap((of) => {
      if (!isIn(group, of, site)) return [];
      const score = own(result.scores, site)?.find(
        (candidate) => candidate.model === of.model && candidate.task === task,
      );
      return score?.errors ? Object.values(score.errors).flat() : (score?.dice ?? []);
    }),
  );
}

/** Sites with training labels of a task. */
const labelledAt = ({ sites }: SeedResult, task: DefaultTaskId): readonly string[] =>
  sites.filter(({ labelled }) => (labelled[task] ?? 0) > 0).map(({ id }) => id);

const isIn = (group: Group, { trainedAt }: TrainedModel, site: string): boolean =>
  group === 'all' || trainedAt.includes(site) === (group === 'training');

/** The paper's figure: median error of the found points in mm, or median Dice; null without values. */
export const medianOf = (task: DefaultTaskId, values: readonly (number | null)[]): number | null =>
  TASKS[task].kind === 'landmarks' ? landmarkMetrics(values).median : segmentationMetrics(values).dice;

/** Share of all points found within 6 mm. Unlike a median, it counts missing points. */
export const shareOf = (values: readonly (number | null)[]): number | null => landmarkMetrics(values).within6mm;

/** {@link shareOf} all landmark tasks, or some of them. Every point counts once. */
export const landmarkShare = (
  clusters: readonly Cluster[],
  row: Row,
  group: Group,
  tasks: readonly DefaultTaskId[] = LANDMARK_TASKS,
): number | null => shareOf(tasks.flatMap((task) => valuesOf(clusters, row, task, group)));

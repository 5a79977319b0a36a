import type { Score } from '../federation/schemas.ts';
import { type TaskId, WITHIN_MM } from '../federation/tasks.ts';
import { own } from '../own.ts';
import { mean, median, quantile } from './quantile.ts';

/**
 * Errors of landmarks, mm. Every error counts, however large. A point that the model did not find is counted as
 * `missing` and as not within 6 mm; it has no error.
 */
export interface LandmarkMetrics extends PointMetrics {
  readonly kind: 'landmarks';
  /** Metrics of each point; absent if tasks are pooled. */
  readonly byPoint?: Readonly<Record<string, PointMetrics>>;
}

export interface PointMetrics {
  /** Points in the truth, found or not. */
  readonly n: number;
  readonly missing: number;
  /** Over the found points; null if none was found. */
  readonly median: number | null;
  readonly p90: number | null;
  /** Share of all `n` points with an error of at most 6 mm; null if there are no points. */
  readonly within6mm: number | null;
}

export interface SegmentationMetrics {
  readonly kind: 'segmentation';
  /** Cases in which truth or prediction has the structure. */
  readonly n: number;
  /** Cases in which both are empty: correct, but Dice is undefined. */
  readonly bothEmpty: number;
  /** Median Dice of the `n` cases. */
  readonly dice: number | null;
  readonly p10: number | null;
  readonly meanDice: number | null;
  /** Median 95 % Hausdorff distance, mm, of the cases in which truth and prediction both have the structure. */
  readonly hausdorff95: number | null;
  /** Cases among the `n` in which one of the two is empty: the distance is undefined. */
  readonly oneEmpty: number;
  /** Median volumes, and median of predicted minus true, mm³; absent if no volumes were reported. */
  readonly volume?: { readonly truth: number; readonly prediction: number };
  readonly volumeBias?: number;
  /** All predicted volume over all true volume; absent if no volumes were reported or none is true. */
  readonly volumeRatio?: number;
}

export type Metrics = LandmarkMetrics | SegmentationMetrics;
export type MetricsByTask = Readonly<Partial<Record<TaskId, Metrics>>>;

/**
 * Summarises errors; see {@link LandmarkMetrics}.
 *
 * @param errors one per point of the truth, mm; null if the point was missing
 */
export const landmarkMetrics = (errors: readonly (number | null)[]): LandmarkMetrics => ({
  kind: 'landmarks',
  ...pointMetrics(errors),
});

function pointMetrics(errors: readonly (number | null)[]): PointMetrics {
  const found = errors.filter((error) => error !== null);
  const near = found.filter((error) => error <= WITHIN_MM).length;
  return {
    n: errors.length,
    missing: errors.length - found.length,
    median: median(found),
    p90: quantile(found, 0.9),
    within6mm: errors.length === 0 ? null : near / errors.length,
  };
}

/**
 * Summarises overlaps, distances and volumes; see {@link SegmentationMetrics}.
 *
 * @param dice one per case; null if truth and prediction are both empty
 * @param more the same cases' distances and volumes, if known
 */
export function segmentationMetrics(
  dice: readonly (number | null)[],
  { hausdorff95 = [], volumes, volumeErrors = [] }: Pick<Score, 'hausdorff95' | 'volumes' | 'volumeErrors'> = {},
): SegmentationMetrics {
  const defined = dice.filter((value) => value !== null);
  const apart = hausdorff95.filter((value) => value !== null);
  const bothEmpty = dice.length - defined.length;
  const [truth, prediction] = [median(volumes?.truth ?? []), median(volumes?.prediction ?? [])];
  const bias = median(volumeErrors);
  const ratio = volumes && sum(volumes.truth) > 0 ? sum(volumes.prediction) / sum(volumes.truth) : null;
  return {
    kind: 'segmentation',
    n: defined.length,
    bothEmpty,
    dice: median(defined),
    p10: quantile(defined, 0.1),
    meanDice: mean(defined),
    hausdorff95: median(apart),
    oneEmpty: Math.max(0, hausdorff95.length - apart.length - bothEmpty),
    ...(truth === null || prediction === null ? {} : { volume: { truth, prediction } }),
    ...(bias === null ? {} : { volumeBias: bias }),
    ...(ratio === null ? {} : { volumeRatio: ratio }),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Pools the scores of any number of sites and cases. Each point and case counts once. */
export function metricsOf(scores: readonly Score[]): MetricsByTask {
  const byTask = new Map<TaskId, Score[]>();
  for (const score of scores) byTask.set(score.task, [...(byTask.get(score.task) ?? []), score]);
  return Object.fromEntries(
    [...byTask].flatMap(([task, of]): [TaskId, Metrics][] => {
      const landmarks = of.filter((score) => score.errors !== undefined);
      if (landmarks.length > 0) {
        return [[task, { ...landmarkMetrics(landmarks.flatMap(pointErrors)), byPoint: byPoint(landmarks) }]];
      }
      const masks = of.filter((score) => score.dice !== undefined);
      if (masks.length === 0) return [];
      const pooled = <T>(values: (score: Score) => readonly T[] | undefined) =>
        masks.flatMap((score) => values(score) ?? []);
      const more = {
        hausdorff95: pooled((score) => score.hausdorff95),
        volumes: {
          truth: pooled((score) => score.volumes?.truth),
          prediction: pooled((score) => score.volumes?.prediction),
        },
        volumeErrors: pooled((score) => score.volumeErrors),
      };
      const dice = pooled((score) => score.dice);
      return [[task, segmentationMetrics(dice, more)]];
    }),
  );
}

/** All landmark tasks pooled: the figure that distillation is judged by. Undefined without landmark scores. */
export function pooledLandmarks(scores: readonly Score[]): LandmarkMetrics | undefined {
  const landmarks = scores.filter((score) => score.errors !== undefined);
  return landmarks.length === 0 ? undefined : landmarkMetrics(landmarks.flatMap(pointErrors));
}

const pointErrors = (score: Score): readonly (number | null)[] => Object.values(score.errors ?? {}).flat();

function byPoint(scores: readonly Score[]): Readonly<Record<string, PointMetrics>> {
  const names = new Set(scores.flatMap((score) => Object.keys(score.errors ?? {})));
  return Object.fromEntries(
    [...names].map((name) => [name, pointMetrics(scores.flatMap((score) => own(score.errors ?? {}, name) ?? []))]),
  );
}

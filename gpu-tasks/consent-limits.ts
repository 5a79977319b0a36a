import type { ConsentLimits, Score, ScoreComparison } from '../lib/federation/schemas.ts';
import type { GpuTaskResult } from './publish.ts';

/**
 * A result as far as the site's consent lets it leave. Figures and scores behind which there are too few cases are left out.
 * With `aggregates`, each score is the mean of at least `minimumCases` cases with neighbouring values (microaggregation,
 * Domingo-Ferrer and Mateo-Sanz 2002): lists keep their length and their mean. Weights and the number of cases stay.
 */
export function withinLimits(result: GpuTaskResult, limits: ConsentLimits): GpuTaskResult {
  const { figures, validation, scores, comparisons, ...rest } = result;
  const few = (cases: number) => cases < limits.minimumCases;
  const limited = limitOf(limits);
  return {
    ...rest,
    figures: limits.figures && !few(rest.samples) ? figures : {},
    ...(validation && limits.figures && !few(validation.cases) && { validation }),
    ...(scores && { scores: limited === undefined ? [] : scores.map((score) => limitedScore(score, limited, few)) }),
    ...(comparisons && {
      comparisons: limited === undefined ? [] : comparisons.map((one) => limitedComparison(one, limited)),
    }),
  };
}

type Values = readonly (number | null)[];
/** A list of values as it may leave; undefined if it may not. */
type Limit = <V extends Values>(values: V | undefined) => V | undefined;

function limitOf({ scores, minimumCases }: ConsentLimits): Limit | undefined {
  if (scores === 'none') return undefined;
  if (scores === 'cases') return (values) => values;
  return <V extends Values>(values: V | undefined) =>
    values && (microaggregated(values, minimumCases) as V | undefined);
}

/**
 * Sorted values, each replaced by the mean of its group of at least `size` neighbours; missing values stay last.
 *
 * @returns undefined if there are fewer values than `size`; if all are missing, if the list is shorter than `size`
 */
export function microaggregated(values: Values, size: number): Values | undefined {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const behind = known.length || values.length;
  if (behind > 0 && behind < size) return undefined;
  const groups = Math.floor(known.length / size);
  const means = Array.from({ length: groups }, (_, group) => {
    const members = known.slice(group * size, group === groups - 1 ? undefined : (group + 1) * size);
    return members.map(() => members.reduce((sum, value) => sum + value, 0) / members.length);
  });
  return [...means.flat(), ...values.filter((value) => value === null)];
}

function limitedScore(score: Score, limited: Limit, few: (cases: number) => boolean): Score {
  const { model, task, errors, dice, hausdorff95, volumes, volumeErrors, volumeErrorByTruth, falseVolumes } = score;
  const { calibration, withoutAnnulus } = score;
  const truth = limited(volumes?.truth);
  const prediction = limited(volumes?.prediction);
  const isWhole = truth !== undefined && prediction !== undefined;
  const byClass = Object.entries(errors ?? {}).flatMap(([label, values]) => {
    const own = limited(values);
    return own ? [[label, own] as const] : [];
  });
  // A value alone may leave only where values of single cases may.
  const isAggregate = limited([0]) === undefined;
  // Bins count points or voxels, of which a few cases have many.
  const hasCases = !isAggregate || byClass.length > 0 || limited(dice) !== undefined;
  const isFine = !isAggregate || (hasCases && calibration?.every(({ count }) => count === 0 || !few(count)));
  return defined({
    model,
    task,
    errors: errors && Object.fromEntries(byClass),
    dice: limited(dice),
    hausdorff95: limited(hausdorff95),
    volumes: isWhole ? { truth, prediction } : undefined,
    volumeErrors: limited(volumeErrors),
    volumeErrorByTruth: isWhole ? volumeErrorByTruth : undefined,
    falseVolumes: limited(falseVolumes),
    calibration: isFine ? calibration : undefined,
    withoutAnnulus: hasCases ? withoutAnnulus : undefined,
  });
}

const limitedComparison = (
  { first, second, task, within6mm, error, dice }: ScoreComparison,
  limited: Limit,
): ScoreComparison =>
  defined({ first, second, task, within6mm: limited(within6mm), error: limited(error), dice: limited(dice) });

/** Without the properties that are undefined. */
const defined = <T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;

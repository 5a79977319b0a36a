import type { Score, ScoreComparison } from '../federation/schemas.ts';
import { type Task, WITHIN_MM } from '../federation/tasks.ts';
import type { FoundLandmark } from '../imaging/landmarks.ts';
import type { ClassPlaneReader } from '../imaging/resample-classes.ts';
import type { Landmark, Volume } from '../imaging/volume.ts';
import { type Calibration, calibrationCounter, pooledCalibration } from '../scoring/calibration.ts';
import { dice } from '../scoring/dice.ts';
import { foregroundVolume } from '../scoring/foreground-volume.ts';
import { hausdorff95 } from '../scoring/hausdorff.ts';
import { landmarkMetrics } from '../scoring/metrics.ts';
import { mean } from '../scoring/quantile.ts';
import type { Target } from './cases.ts';
import type { Prediction } from './decode-prediction.ts';
import { distance } from './plausibility.ts';

/** Scores of one model for one task and one held-out case. They leave the site only in lists sorted over its cases. */
export type CaseScore = (LandmarkScore | SegmentationScore) & {
  /** Absent if the prediction has no confidences. */
  readonly calibration?: Calibration | undefined;
  /** Thresholds only: whether the annulus was predicted. */
  readonly hasAnnulus?: boolean;
};

/** Error of each point in the truth, mm, by class; null if it was not found. */
interface LandmarkScore {
  readonly errors: Readonly<Record<string, number | null>>;
}

interface SegmentationScore {
  /** Mean over the classes; null if truth and prediction are both empty. */
  readonly dice: number | null;
  /** Mean over the classes, mm; null if each is empty in truth or prediction. */
  readonly hausdorff95: number | null;
  /** Of all classes together, mm³. */
  readonly volume: { readonly truth: number; readonly prediction: number };
}

/**
 * Scores a prediction against the truth. Every point of the truth counts: a missing prediction is `null`, errors of any
 * size are kept, and no point is matched to the truth of another. Masks are on the CT's own grid.
 *
 * @param calibration of a segmentation, by {@link voxelCalibration}; that of landmarks is their `certainty`
 */
export function scoreCase(
  task: Task,
  truth: Target,
  { classMap, landmarks = [] }: Pick<Prediction, 'classMap'> & Partial<Prediction>,
  calibration?: Calibration,
): CaseScore {
  if (truth.kind === 'points') {
    return {
      errors: landmarkErrors(task, truth.points, landmarks),
      calibration: pointCalibration(truth.points, landmarks),
    };
  }
  return {
    calibration,
    dice: meanOverClasses(task, (label) => dice(classMap.data, truth.mask.data, label)),
    hausdorff95: meanOverClasses(task, (label) => hausdorff95(classMap, truth.mask, label)),
    volume: { truth: foregroundVolume(truth.mask), prediction: foregroundVolume(classMap) },
  };
}

/** Mean over the classes of the task that have a value; null if none has. */
const meanOverClasses = ({ classes }: Task, measure: (label: number) => number | null): number | null =>
  mean(classes.map((_, index) => measure(index + 1)).filter((value) => value !== null));

function landmarkErrors(task: Task, truth: readonly Landmark[], found: readonly Landmark[]): LandmarkScore['errors'] {
  const errors: Record<string, number | null> = {};
  task.classes.forEach((name, index) => {
    const [expected, predicted] = [truth, found].map(
      (points) => points.find(({ label }) => label === index + 1)?.position,
    );
    if (expected) errors[name] = predicted ? distance(expected, predicted) : null;
  });
  return errors;
}

/** Undefined if no point has a certainty. A missing point has none, and a point without truth is not judged. */
function pointCalibration(truth: readonly Landmark[], found: readonly FoundLandmark[]): Calibration | undefined {
  if (found.every(({ certainty }) => certainty === undefined)) return undefined;
  const counter = calibrationCounter();
  for (const { label, position, certainty } of found) {
    const expected = truth.find((point) => point.label === label)?.position;
    if (!expected || !position || certainty === undefined) continue;
    counter.add(certainty, distance(expected, position) <= WITHIN_MM);
  }
  return counter.bins;
}

/**
 * Counts the voxels that are foreground in the truth or in the prediction by the probability of the predicted class.
 *
 * @param truth on the CT's own grid
 */
export function voxelCalibration(truth: Volume): {
  readonly read: ClassPlaneReader;
  readonly bins: Calibration;
} {
  const counter = calibrationCounter();
  const size = truth.shape[0] * truth.shape[1];
  return {
    bins: counter.bins,
    read(z, classes, probabilities) {
      for (let i = 0; i < size; i += 1) {
        const [expected, predicted] = [truth.data[z * size + i], classes[i]];
        if (expected !== 0 || predicted !== 0) counter.add(probabilities[i] as number, expected === predicted);
      }
    },
  };
}

/**
 * A model's scores of one task over a site's held-out cases. Lists are sorted, so that the values of one patient cannot
 * be combined outside the site.
 */
export function scoreOf(model: string, task: Task, cases: readonly CaseScore[]): Score {
  const named = { model, task: task.id };
  const shared = { ...calibrationOf(cases), ...annuliOf(cases) };
  if (task.kind === 'landmarks') {
    const scores = cases.filter((one) => 'errors' in one);
    const errorsOf = (name: string) =>
      ascending(scores.map(({ errors }) => errors[name]).filter((error) => error !== undefined));
    return { ...named, errors: Object.fromEntries(task.classes.map((name) => [name, errorsOf(name)])), ...shared };
  }
  const scores = cases.filter((one) => 'dice' in one);
  return {
    ...named,
    dice: ascending(scores.map((one) => one.dice)),
    hausdorff95: ascending(scores.map((one) => one.hausdorff95)),
    ...(task.reportsVolume && volumesOf(scores.map(({ volume }) => volume))),
    ...shared,
  };
}

function volumesOf(volumes: readonly SegmentationScore['volume'][]) {
  const errors = volumes.map(({ truth, prediction }) => prediction - truth);
  return {
    volumes: {
      truth: ascending(volumes.map(({ truth }) => truth)),
      prediction: ascending(volumes.map(({ prediction }) => prediction)),
    },
    volumeErrors: ascending(errors),
    volumeErrorByTruth: volumes.reduce((sum, { truth, prediction }) => sum + truth * (prediction - truth), 0),
    falseVolumes: ascending(volumes.filter(({ truth }) => truth === 0).map(({ prediction }) => prediction)),
  };
}

function calibrationOf(cases: readonly CaseScore[]): Pick<Score, 'calibration'> {
  const known = cases.flatMap(({ calibration }) => (calibration ? [calibration] : []));
  return known.length === 0 ? {} : { calibration: [...pooledCalibration(known)] };
}

function annuliOf(cases: readonly CaseScore[]): Pick<Score, 'withoutAnnulus'> {
  const sought = cases.filter(({ hasAnnulus }) => hasAnnulus !== undefined);
  return sought.length === 0 ? {} : { withoutAnnulus: sought.filter(({ hasAnnulus }) => !hasAnnulus).length };
}

/**
 * Two models on the same cases of one task, first minus second, per case. Lists are sorted, like those of {@link
 * scoreOf}: the order of the cases does not leave the site.
 *
 * @param cases the scores of both models for each case
 */
export function compareScores(
  [first, second]: readonly [string, string],
  task: Task,
  cases: readonly (readonly [CaseScore, CaseScore])[],
): ScoreComparison {
  if (task.kind !== 'landmarks') {
    const differences = cases.map(([a, b]) => ('dice' in a && 'dice' in b ? minus(a.dice, b.dice) : null));
    return { first, second, task: task.id, dice: ascending(differences) };
  }
  const pairs = cases.flatMap(([a, b]) => ('errors' in a && 'errors' in b ? [[a, b] as const] : []));
  return {
    first,
    second,
    task: task.id,
    within6mm: ascending(pairs.map(([a, b]) => minus(shareWithin(a), shareWithin(b)))),
    error: ascending(pairs.map(([a, b]) => meanErrorDifference(a, b))),
  };
}

const shareWithin = ({ errors }: LandmarkScore): number | null => landmarkMetrics(Object.values(errors)).within6mm;

/** Over the points that both found; null if there are none. */
const meanErrorDifference = (a: LandmarkScore, b: LandmarkScore): number | null =>
  mean(
    Object.keys(a.errors)
      .map((name) => minus(a.errors[name], b.errors[name]))
      .filter((difference) => difference !== null),
  );

const minus = (a: number | null | undefined, b: number | null | undefined): number | null =>
  a == null || b == null ? null : a - b;

/** A sorted copy, null last. */
const ascending = <T extends number | null>(values: readonly T[]): T[] =>
  [...values].sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY) || 0);

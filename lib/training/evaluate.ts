import type { Score } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { TASKS } from '../federation/tasks.ts';
import { calciumVolume } from '../imaging/calcium.ts';
import { dice } from '../imaging/dice.ts';
import { hausdorff95 } from '../imaging/hausdorff.ts';
import type { Volume } from '../imaging/volume.ts';
import type { Target } from './cases.ts';
import { distance } from './plausibility.ts';
import type { Prediction } from './predict.ts';

/** One held-out case's truth and prediction of one task. Masks lie on the CT's own grid. */
export interface Comparison {
  readonly truth: Target;
  readonly prediction: Prediction;
}

/**
 * Scores a model's predictions of one task over a site's held-out cases. Every point of the truth counts: a missing
 * prediction is `null`, an error of any size is kept, and no point is matched to another's truth. Lists are sorted,
 * because what is known of one patient must not be put together outside the site.
 */
export function scoreOf(model: string, task: TaskId, comparisons: readonly Comparison[]): Score {
  return TASKS[task].kind === 'landmarks'
    ? { model, task, errors: landmarkErrors(task, comparisons) }
    : segmentationScore(model, task, comparisons);
}

function landmarkErrors(task: TaskId, comparisons: readonly Comparison[]): Record<string, (number | null)[]> {
  const errors: Record<string, (number | null)[]> = {};
  TASKS[task].classes.forEach((name, index) => {
    const label = index + 1;
    const ofCases = comparisons.flatMap(({ truth, prediction }) => {
      const expected =
        truth.kind === 'points' ? truth.points.find((point) => point.label === label)?.position : undefined;
      if (!expected) return [];
      const found = prediction.landmarks?.find((point) => point.label === label)?.position;
      return [found ? distance(expected, found) : null];
    });
    errors[name] = ascending(ofCases);
  });
  return errors;
}

function segmentationScore(model: string, task: TaskId, comparisons: readonly Comparison[]): Score {
  const masks = comparisons.flatMap(({ truth, prediction }) =>
    truth.kind === 'mask' ? [{ truth: truth.mask, found: prediction.classMap }] : [],
  );
  return {
    model,
    task,
    dice: ascending(masks.map(({ truth, found }) => dice(found.data, truth.data))),
    hausdorff95: ascending(masks.map(({ truth, found }) => hausdorff95(found, truth))),
    ...(task === 'calcification' ? calcium(masks) : {}),
  };
}

function calcium(masks: readonly { readonly truth: Volume; readonly found: Volume }[]) {
  const volumes = masks.map((of) => ({ truth: calciumVolume(of.truth), found: calciumVolume(of.found) }));
  return {
    volumes: {
      truth: ascending(volumes.map(({ truth }) => truth)),
      prediction: ascending(volumes.map(({ found }) => found)),
    },
    volumeErrors: ascending(volumes.map(({ truth, found }) => found - truth)),
  };
}

/** A sorted copy, null last. */
const ascending = <T extends number | null>(values: readonly T[]): T[] =>
  [...values].sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY) || 0);

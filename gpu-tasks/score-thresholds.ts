import { deflateSync, inflateSync } from 'node:zlib';
import type { CatalogEntry, EvaluateStage, Threshold } from '../lib/federation/schemas.ts';
import { type Task, type TaskId, taskOf } from '../lib/federation/tasks.ts';
import { affineOf, voxelsOf } from '../lib/imaging/affine.ts';
import type { Grid, Landmark, Vec3 } from '../lib/imaging/volume.ts';
import { definitionsOf } from '../lib/protocol/plan.ts';
import { calciumByThreshold } from '../lib/scoring/calcium-threshold.ts';
import { measure } from '../lib/scoring/measurements.ts';
import type { Prediction } from '../lib/training/decode-prediction.ts';
import { type CaseScore, scoreCase } from '../lib/training/evaluate.ts';
import type { GpuTaskContext } from './context.ts';
import { forEachReadable } from './site-data.ts';
import type { StageInput } from './stage-input.ts';

/** What thresholds take from the models' predictions, which are too large to keep: one object for a site's evaluation. */
export interface ThresholdInputs {
  /** Tasks of a model that must be predicted in a case, labelled or not. */
  needed(model: string, tasks: readonly Task[], entry: CatalogEntry): readonly TaskId[];
  keep(model: string, entry: CatalogEntry, predictions: readonly (readonly [Task, Prediction])[]): void;
  /** Centre of the annulus (RAS, mm); null if the model did not find it. */
  annulus(model: string, entry: CatalogEntry): Vec3 | null;
  /** The model's mask of the threshold's task on the CT's own grid; undefined if there is none. */
  place(threshold: Threshold, entry: CatalogEntry): Uint8Array | undefined;
}

export function thresholdInputs(thresholds: readonly Threshold[]): ThresholdInputs {
  const annuli = new Map<string, Vec3 | null>();
  // Compressed, because nearly all of a mask is background.
  const masks = new Map<string, Uint8Array>();
  const ofLabelled = (entry: CatalogEntry) => thresholds.filter(({ task }) => Object.hasOwn(entry.labels, task));
  const keyOf = (...parts: readonly string[]) => JSON.stringify(parts);
  return {
    needed(model, tasks, entry) {
      const of = ofLabelled(entry);
      const points = of.some((one) => one.points === model) ? tasks.filter(({ kind }) => kind === 'landmarks') : [];
      const places = of.filter(({ place }) => place === model).map(({ task }) => task);
      return [...points.map(({ id }) => id), ...places];
    },
    keep(model, entry, predictions) {
      for (const { points, place, task } of ofLabelled(entry)) {
        if (points === model) annuli.set(keyOf(model, entry.case), annulusOf(predictions));
        const mask = place === model && predictions.find(([{ id }]) => id === task)?.[1].classMap.data;
        if (mask) masks.set(keyOf(model, task, entry.case), deflateSync(mask, { level: 1 }));
      }
    },
    annulus: (model, entry) => annuli.get(keyOf(model, entry.case)) ?? null,
    place({ place = '', task }, entry) {
      const mask = masks.get(keyOf(place, task, entry.case));
      return mask && inflateSync(mask);
    },
  };
}

/**
 * Tasks that a threshold takes from models without a head for them at this site: it cannot be applied there, which says
 * nothing of it.
 *
 * @param withoutHead by model
 */
export function headsLacking(
  { points, place = '', task }: Threshold,
  withoutHead: ReadonlyMap<string, readonly Task[]>,
): readonly Task[] {
  const lacking = (model: string) => withoutHead.get(model) ?? [];
  return [
    ...lacking(points).filter(({ kind }) => kind === 'landmarks'),
    ...lacking(place).filter(({ id }) => id === task),
  ];
}

/** Scores a threshold on the cases with a label of its task. */
export async function scoreThreshold(
  { plan, data }: StageInput<EvaluateStage>,
  { log }: GpuTaskContext,
  threshold: Threshold,
  inputs: ThresholdInputs,
  entries: readonly CatalogEntry[],
  onCase: () => void,
): Promise<{ readonly scores: ReadonlyMap<TaskId, ReadonlyMap<string, CaseScore>>; readonly unreadable: number }> {
  const task = taskOf(definitionsOf(plan), threshold.task);
  const scores = new Map<string, CaseScore>();
  const work = async (entry: CatalogEntry) => {
    const truth = await data.label(entry, task);
    if (!truth) return;
    const grid = { shape: entry.image.shape, affine: affineOf(entry.image.affine) };
    const calciumAround = async (centre: Vec3) => {
      const image = { ...grid, data: (await data.image(entry)).data };
      if (threshold.place === undefined) return calciumByThreshold(image, centre, threshold);
      const place = inputs.place(threshold, entry);
      return place ? calciumByThreshold(image, centre, threshold, { ...grid, data: place }) : emptyMask(grid);
    };
    const annulus = inputs.annulus(threshold.points, entry);
    const classMap = annulus ? await calciumAround(annulus) : emptyMask(grid);
    scores.set(entry.case, { ...scoreCase(task, truth, { classMap }), hasAnnulus: annulus !== null });
  };
  const unreadable = await forEachReadable(entries, log, work, onCase);
  return { scores: new Map([[task.id, scores]]), unreadable };
}

const emptyMask = ({ shape, affine }: Grid) => ({
  shape,
  affine,
  data: new Uint8Array(voxelsOf(shape)),
});

/** Centre of the annulus from the hinge points, in whichever task has all of them; null if one is missing. */
function annulusOf(predictions: readonly (readonly [Task, Prediction])[]): Vec3 | null {
  const found = predictions.flatMap(([task, { landmarks }]) =>
    landmarks ? [{ task, landmarks: byName(task, landmarks), doubts: [] }] : [],
  );
  return measure(found).annulusPlane?.centre ?? null;
}

const byName = ({ classes }: Task, landmarks: readonly Landmark[]): Readonly<Record<string, Vec3 | null>> =>
  Object.fromEntries(landmarks.map(({ label, position }) => [classes[label - 1] ?? '', position]));

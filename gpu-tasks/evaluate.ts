import { FedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import type { CatalogEntry, EvaluateStage, Plan, ScoreComparison } from '../lib/federation/schemas.ts';
import { type Task, type TaskId, taskOf } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { originLine } from '../lib/imaging/origin.ts';
import { definitionsOf } from '../lib/protocol/plan.ts';
import { finestOf } from '../lib/training/averaged-planes.ts';
import { reachesBeyond, type Target } from '../lib/training/cases.ts';
import { type CaseScore, compareScores, scoreCase, scoreOf, voxelCalibration } from '../lib/training/evaluate.ts';
import { predictTogether } from '../lib/training/infer.ts';
import type { GpuTaskContext } from './context.ts';
import type { GpuTaskResult } from './publish.ts';
import { headsLacking, scoreThreshold, type ThresholdInputs, thresholdInputs } from './score-thresholds.ts';
import { forEachReadable } from './site-data.ts';
import type { StageInput } from './stage-input.ts';
import { logWithoutHead, preparedFor, type StageEnsemble, withStageModels } from './stage-model.ts';

/**
 * Scores the campaign's models, and thresholds beside them, on the site's held-out cases, or on its validation cases. Only
 * figures leave the site; predictions stay in its bucket.
 *
 * @throws FedcardioError `NO_DATA` if no such case can be read
 */
export async function evaluateSite(input: StageInput<EvaluateStage>, context: GpuTaskContext): Promise<GpuTaskResult> {
  const { stage, plan, data } = input;
  const [use, what] = stage.cases === 'validation' ? (['validation', 'validation'] as const) : HELD_OUT;
  const entries = await data.catalog(use);
  const models = Object.entries(stage.models);
  const scores = new Map<string, ModelScores>();
  const { thresholds = [] } = stage;
  const inputs = thresholdInputs(thresholds);
  const withoutHead = new Map<string, readonly Task[]>();
  const beyondCrop = new Set<string>();
  const total = (models.length + thresholds.length) * entries.length;
  let done = 0;
  const onCase = () => context.progress({ done: ++done, total });
  let unreadable = 0;
  for (const [name, stageName] of models) {
    const scored = await withStageModels(context.federationStore, input, stageName, (model) => {
      logWithoutHead(context, name, model);
      withoutHead.set(name, model.withoutHead);
      return scoreModel(input, context, name, model, entries, { beyondCrop, inputs, onCase });
    });
    scores.set(name, scored.scores);
    unreadable = Math.max(unreadable, scored.unreadable);
  }
  for (const threshold of thresholds) {
    const lacking = headsLacking(threshold, withoutHead);
    logWithoutHead(context, threshold.name, { withoutHead: lacking });
    if (lacking.length > 0) continue;
    const scored = await scoreThreshold(input, context, threshold, inputs, entries, onCase);
    scores.set(threshold.name, scored.scores);
    unreadable = Math.max(unreadable, scored.unreadable);
  }
  const cases = entries.length - unreadable;
  if (cases === 0) throw new FedcardioError('NO_DATA', `${data.store.bucket} has no readable ${what} case.`);
  return {
    samples: cases,
    cases: { evaluation: entries.map((entry) => entry.case) },
    figures: {
      cases,
      ...(unreadable > 0 ? { unreadable } : {}),
      ...(beyondCrop.size > 0 ? { 'beyond-crop': beyondCrop.size } : {}),
    },
    scores: [...scores].flatMap(([name, byTask]) =>
      [...byTask].map(([task, byCase]) => scoreOf(name, taskOf(definitionsOf(plan), task), [...byCase.values()])),
    ),
    comparisons: stage.compare.flatMap((pair) => comparisonsOf(pair, plan, scores)),
  };
}

const HELD_OUT = ['evaluation', 'held-out'] as const;

/** Scores by task and case id. */
type ModelScores = ReadonlyMap<TaskId, ReadonlyMap<string, CaseScore>>;

/** Compares two models for every task of both, on the cases that both were scored on. */
function comparisonsOf(
  pair: readonly [string, string],
  plan: Plan,
  scores: ReadonlyMap<string, ModelScores>,
): readonly ScoreComparison[] {
  const [first, second] = pair.map((name) => scores.get(name));
  return [...(first ?? [])].flatMap(([task, firstScores]) => {
    const secondScores = second?.get(task);
    if (!secondScores) return [];
    const both = [...firstScores].flatMap(([id, score]) => {
      const other = secondScores.get(id);
      return other ? [[score, other] as const] : [];
    });
    return [compareScores(pair, taskOf(definitionsOf(plan), task), both)];
  });
}

async function scoreModel(
  { stage, at, data }: StageInput<EvaluateStage>,
  { log }: GpuTaskContext,
  name: string,
  model: StageEnsemble,
  entries: readonly CatalogEntry[],
  {
    beyondCrop,
    inputs,
    onCase,
  }: { readonly beyondCrop: Set<string>; readonly inputs: ThresholdInputs; readonly onCase: () => void },
): Promise<{ readonly scores: ModelScores; readonly unreadable: number }> {
  const scores = new Map(model.tasks.map(({ id }) => [id, new Map<string, CaseScore>()]));
  const work = async (entry: CatalogEntry) => {
    // Reads all labels before the first score, so that an unreadable case is scored for no task.
    const truths = new Map<TaskId, Target>();
    for (const task of model.tasks) {
      const truth = await data.label(entry, task);
      if (truth) truths.set(task.id, truth);
    }
    const keepPredictions = stage.predictions === name;
    const needed = inputs.needed(name, model.tasks, entry);
    const wanted = model.tasks.filter(({ id }) => keepPredictions || truths.has(id) || needed.includes(id));
    if (wanted.length === 0) return;
    const members = await preparedFor(data, entry, model);
    const searched = finestOf(members);
    // A label must not choose the crop that it is scored on. What the crop misses counts as missing, and is said.
    const missed = [...truths].flatMap(([task, truth]) => (reachesBeyond(truth, searched) ? [task] : []));
    if (missed.length > 0) {
      beyondCrop.add(entry.case);
      const reason = 'The crop to the heart does not contain all of the label: the rest counts as missing.';
      log('label-beyond-crop', { case: entry.case, model: name, tasks: missed, reason });
    }
    const grid = { shape: entry.image.shape, affine: affineOf(entry.image.affine) };
    const confidences = new Map(
      [...truths].flatMap(([task, truth]) =>
        truth.kind === 'mask' ? [[task, voxelCalibration(truth.mask)] as const] : [],
      ),
    );
    const predictions = await predictTogether(members, grid, wanted, {
      overlap: stage.overlap,
      onPlane: (task, ...plane) => confidences.get(task)?.read(...plane),
    });
    inputs.keep(
      name,
      entry,
      [...predictions].map(([task, prediction]) => [taskOf(model.tasks, task), prediction]),
    );
    for (const [task, prediction] of predictions) {
      const truth = truths.get(task);
      if (truth) {
        const score = scoreCase(taskOf(model.tasks, task), truth, prediction, confidences.get(task)?.bins);
        scores.get(task)?.set(entry.case, score);
      }
      if (!keepPredictions) continue;
      const key = siteKeys.prediction(at.campaign, name, task, entry.case);
      const description = originLine({ model: model.sha256, image: entry.image, of: 'voxels' });
      await data.store.put(key, writeNifti(prediction.classMap, { description }));
    }
  };
  const unreadable = await forEachReadable(entries, log, work, onCase);
  return { scores, unreadable };
}

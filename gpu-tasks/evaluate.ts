import { FedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import type { CatalogEntry, EvaluateStage, Score } from '../lib/federation/schemas.ts';
import type { TaskId } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import type { Target } from '../lib/training/cases.ts';
import { type Comparison, scoreOf } from '../lib/training/evaluate.ts';
import { predictTasks } from '../lib/training/infer.ts';
import type { TaskContext } from './context.ts';
import type { TaskResult } from './publish.ts';
import type { StageInput } from './run-task.ts';
import { forEachReadable } from './site-data.ts';
import { type StageModel, withStageModel } from './stage-model.ts';

/**
 * Scores the campaign's models on the site's held-out cases. Only figures leave; predictions stay in its bucket.
 *
 * @throws FedcardioError `NO_DATA` where no held-out case is left
 */
export async function evaluateSite(input: StageInput<EvaluateStage>, context: TaskContext): Promise<TaskResult> {
  const { stage, at, data } = input;
  const entries = await data.catalog('evaluation');
  const models = Object.entries(stage.models);
  const scores: Score[] = [];
  let unreadable = 0;
  for (const [index, [name, stageName]] of models.entries()) {
    const scored = await withStageModel(context.objects, input, at.campaign, stageName, (model) =>
      scoreModel(input, context, name, model, entries),
    );
    scores.push(...scored.scores);
    unreadable = Math.max(unreadable, scored.unreadable);
    context.progress({ done: index + 1, total: models.length });
  }
  const cases = entries.length - unreadable;
  if (cases === 0) throw new FedcardioError('NO_DATA', `${data.bucket} has no held-out case that can be read.`);
  return { samples: cases, figures: unreadable > 0 ? { cases, unreadable } : { cases }, scores };
}

async function scoreModel(
  { stage, at, data }: StageInput<EvaluateStage>,
  { objects, log }: TaskContext,
  name: string,
  model: StageModel,
  entries: readonly CatalogEntry[],
): Promise<{ readonly scores: readonly Score[]; readonly unreadable: number }> {
  const comparisons = new Map<TaskId, Comparison[]>(model.tasks.map((task) => [task, []]));
  const unreadable = await forEachReadable(entries, log, async (entry) => {
    const prepared = await data.prepared(entry, model);
    // All before the first is scored: a case counts for every task that it has a label of, or for none.
    const truths = new Map<TaskId, Target | undefined>();
    for (const task of model.tasks) truths.set(task, await data.label(entry, task));
    const own = { shape: entry.image.shape, affine: affineOf(entry.image.affine) };
    for (const [task, prediction] of await predictTasks(model.network, prepared, own, model.patch, model.tasks)) {
      const truth = truths.get(task);
      if (truth) comparisons.get(task)?.push({ truth, prediction });
      if (stage.predictions !== name) continue;
      const key = siteKeys.prediction(at.campaign, name, task, entry.case);
      await objects.put(data.bucket, key, writeNifti(prediction.classMap, { gzip: true }));
    }
  });
  return { scores: [...comparisons].map(([task, pairs]) => scoreOf(name, task, pairs)), unreadable };
}

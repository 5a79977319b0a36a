import { siteKeys } from '../lib/federation/keys.ts';
import type { StudentStage, TeacherStage } from '../lib/federation/schemas.ts';
import { encodeUpdate } from '../lib/training/encode-update.ts';
import { trainRound } from '../lib/training/train-round.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { readLocalParameters, readOptimizer } from './checkpoints.ts';
import type { TaskContext } from './context.ts';
import type { TaskResult } from './publish.ts';
import type { StageInput } from './run-task.ts';
import { trainingCases } from './site-data.ts';
import { tasksOf } from './stage-model.ts';

/** One site's share of a round of a teacher or the student. */
export async function trainSite(
  input: StageInput<TeacherStage | StudentStage>,
  context: TaskContext,
): Promise<TaskResult> {
  const { stage, message, at, data, federationBucket } = input;
  const { base, seed, site } = message;
  const { objects } = context;
  const before = { ...at, round: at.round - 1 };
  const { keepOptimizer, localParameters } = stage.training;
  const tasks = tasksOf(stage);
  const pseudoLabels = stage.kind === 'student' && stage.pseudoLabels !== undefined ? at.campaign : undefined;
  const { cases, unreadable } = await trainingCases(data, tasks, stage.training, pseudoLabels, context.log);
  const global = base ? decodeSafetensors((await objects.get(federationBucket, base.key)).body) : undefined;
  const result = await trainRound({
    model: stage.model,
    training: stage.training,
    tasks,
    cases,
    global,
    local: localParameters.length > 0 ? await readLocalParameters(objects, data.bucket, before) : undefined,
    optimizer: keepOptimizer && before.round > 0 ? await readOptimizer(objects, data.bucket, before) : undefined,
    round: at.round,
    rounds: stage.rounds,
    seed,
    site,
    onStep: (done, loss) => context.progress({ done, total: stage.training.steps, loss }),
  });
  const keep = (key: string, weights: Weights) => objects.put(data.bucket, key, encodeSafetensors(weights));
  if (keepOptimizer && at.round < stage.rounds) {
    await keep(siteKeys.optimizer(at.campaign, at.stage, at.round), result.optimizer);
  }
  if (result.local.size > 0) {
    await keep(siteKeys.localParameters(at.campaign, at.stage, at.round), result.local);
  }
  const weights = encodeUpdate(result.weights, global, stage.encoding);
  const figures = unreadable > 0 ? { ...result.figures, unreadable } : result.figures;
  return { samples: cases.length, weights, figures };
}

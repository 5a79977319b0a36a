import { FedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import type { StudentStage, TeacherStage } from '../lib/federation/schemas.ts';
import { trainRound } from '../lib/training/train-round.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
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
  const tasks = tasksOf(stage);
  const pseudoLabels = stage.kind === 'student' && stage.pseudoLabels !== undefined ? at.campaign : undefined;
  const cases = await trainingCases(data, tasks, stage.training.spacing, pseudoLabels);
  const result = await trainRound({
    model: stage.model,
    training: stage.training,
    tasks,
    cases,
    global: base ? decodeSafetensors((await objects.get(federationBucket, base.key)).body) : undefined,
    optimizer: stage.training.keepOptimizer ? await readOptimizer(input, context) : undefined,
    round: at.round,
    rounds: stage.rounds,
    seed,
    site,
    onStep: (done, loss) => context.progress({ done, total: stage.training.steps, loss }),
  });
  if (stage.training.keepOptimizer && at.round < stage.rounds) {
    await objects.put(
      data.bucket,
      siteKeys.optimizer(at.campaign, at.stage, at.round),
      encodeSafetensors(result.optimizer),
    );
  }
  return { samples: cases.length, weights: result.weights, figures: result.figures };
}

/** The moments that this site's previous round left, if it took part in one. */
async function readOptimizer({ at, data }: StageInput, { objects }: TaskContext): Promise<Weights | undefined> {
  if (at.round === 1) return undefined;
  const stored = await objects.tryGet(data.bucket, siteKeys.optimizer(at.campaign, at.stage, at.round - 1));
  if (!stored) return undefined;
  try {
    return decodeSafetensors(stored.body);
  } catch (cause) {
    throw new FedcardioError('STORAGE', `The optimiser state of ${at.stage} in ${data.bucket} cannot be read.`, {
      cause,
    });
  }
}

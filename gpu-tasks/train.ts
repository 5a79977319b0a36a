import { type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { type LearningStage, tasksOf } from '../lib/protocol/plan.ts';
import { encodeUpdate } from '../lib/training/encode-update.ts';
import { trainRound } from '../lib/training/train-round.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { readLocalParameters, readOptimizer } from './checkpoints.ts';
import type { GpuTaskContext } from './context.ts';
import { stateMemory } from './memory-limit.ts';
import type { GpuTaskResult } from './publish.ts';
import { trainingCases } from './site-data.ts';
import type { StageInput } from './stage-input.ts';
import { networkOf } from './stage-model.ts';
import { createKeeper, readUnfinished, unfinishedKey } from './unfinished.ts';

/** One site's share of a round of a stage that learns, gone on with where an earlier run of the task left it. */
export async function trainSite(input: StageInput<LearningStage>, context: GpuTaskContext): Promise<GpuTaskResult> {
  const { stage, message, at, data } = input;
  const { base, seed, site } = message;
  const { federationStore } = context;
  const before = { ...at, round: at.round - 1 };
  const { keepOptimizer, localParameters } = stage.training;
  const tasks = tasksOf(stage);
  const student = stage.kind === 'student' ? stage : undefined;
  const labels = student?.pseudoLabels;
  const pseudoLabels = labels === undefined ? undefined : { campaign: at.campaign, stage: labels };
  const found = await trainingCases(data, tasks, stage.training, pseudoLabels, context.log);
  const { unreadable } = found;
  const unfinished = await readUnfinished(context, data.store, message);
  const cases = unfinished ? found.cases.filter(({ id }) => unfinished.cases.includes(id)) : found.cases;
  const network = await networkOf(federationStore, at.campaign, stage);
  const global = base ? decodeSafetensors((await federationStore.get(base.key)).body) : undefined;
  const { steps, checkpointSeconds } = stage.training;
  const ids = cases.map(({ id }) => id);
  const keeper = createKeeper(context, data.store, message, ids, checkpointSeconds);
  // One is read before memory is looked at, so that this process holds what reading takes. It waits in the cache.
  const first = await cases[0]?.load();
  const held = Math.min(context.cache.maxBytes, cases.length * (first?.image.data.byteLength ?? 0));
  stateMemory(context, site, network.model, stage, held);
  context.interruption.hold();
  const result = await trainRound({
    ...network,
    training: stage.training,
    ...(student ? { pseudoLabels: student } : {}),
    tasks,
    cases,
    global,
    local: localParameters.length > 0 ? await readLocalParameters(data.store, before) : undefined,
    optimizer: keepOptimizer && before.round > 0 ? await readOptimizer(data.store, before) : undefined,
    round: at.round,
    rounds: stage.rounds,
    seed,
    site,
    resume: unfinished?.state,
    onStep: async (done, loss, state) => {
      context.progress({ done, total: steps, loss });
      if (done < steps) await keeper.afterStep(state);
    },
  });
  const keep = (key: SiteKey, weights: Weights) => data.store.put(key, encodeSafetensors(weights));
  if (keepOptimizer && at.round < stage.rounds) {
    await keep(siteKeys.optimizer(at), result.optimizer);
  }
  if (result.local.size > 0) {
    await keep(siteKeys.localParameters(at), result.local);
  }
  const weights = encodeUpdate(result.weights, global, stage.encoding, result.untrained);
  const figures = unreadable.size > 0 ? { ...result.figures, unreadable: unreadable.size } : result.figures;
  const discard = keeper.used || unfinished ? [unfinishedKey(message)] : [];
  return { samples: cases.filter(({ id }) => !unreadable.has(id)).length, weights, figures, discard };
}

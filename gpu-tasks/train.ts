import { FedcardioError } from '../lib/error.ts';
import { caseHash, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import { sha256Hex } from '../lib/json.ts';
import { staysAtSites } from '../lib/models/split-parameters.ts';
import { epsilonOfReleases } from '../lib/privacy/ledger.ts';
import { type LearningStage, tasksOf, trains } from '../lib/protocol/plan.ts';
import { ownCohort } from '../lib/protocol/secure/mask-update.ts';
import { preparationOf } from '../lib/training/cases.ts';
import { samplingRate } from '../lib/training/dp-sgd.ts';
import { stepsOfRound } from '../lib/training/schedule.ts';
import { trainRound } from '../lib/training/train-round.ts';
import { validationLoss } from '../lib/training/validation-loss.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { checkpointKey, createCheckpointer, readCheckpoint } from './checkpoint.ts';
import type { GpuTaskContext } from './context.ts';
import { checkMemory } from './memory-limit.ts';
import { budgetOf, chargeRelease, requireBudget } from './privacy-budget.ts';
import { dpSgdSecret, privacyOf, releaseOfRound } from './private-weights.ts';
import type { GpuTaskResult } from './publish.ts';
import { sentWeights } from './sent-weights.ts';
import { casesForValidation, trainingCases } from './site-data.ts';
import { encodeState, outdatedStates, readLocalParameters, readOptimizer } from './site-state.ts';
import type { StageInput } from './stage-input.ts';
import { networkOf } from './stage-model.ts';
import { readWeights } from './stored-weights.ts';

/**
 * Trains one round at one site. Resumes from the checkpoint of an interrupted run. If the stage validates, the model that the
 * round starts from is scored first; in the stage's last round nothing else is done.
 *
 * @throws FedcardioError `NO_DATA` if no training case can be read
 */
export async function trainSite(input: StageInput<LearningStage>, context: GpuTaskContext): Promise<GpuTaskResult> {
  const { stage, message, at, plan, planSha256, data } = input;
  const { base, seed, site } = message;
  const { federationStore } = context;
  // Before hours of training whose result could not be sent.
  if (message.secure) await ownCohort(data.store, message, planSha256);
  const previous = { ...at, round: at.round - 1 };
  const privacy = privacyOf(plan, message);
  const { keepOptimizer, checkpointSeconds } = stage.training;
  const steps = stepsOfRound(stage.training);
  const tasks = tasksOf(plan, stage);
  const student = stage.kind === 'student' ? stage : undefined;
  const labels = student?.pseudoLabels;
  const pseudoLabels = labels === undefined ? undefined : { campaign: at.campaign, stage: labels };
  const found = await trainingCases(data, tasks, preparationOf(stage.training), pseudoLabels, context.log);
  const { unreadable } = found;
  const { dpSgd } = stage.training;
  const planned = dpSgd && { rate: samplingRate(stage.training, found.cases.length) };
  const budget = trains(stage, at.round) ? await budgetOf(data.store, at.campaign) : undefined;
  const network = await networkOf(federationStore, plan, stage);
  const { body } = network;
  await requireBudget(data.store, site, releaseOfRound(plan, message, context.now(), { ...planned, body }), budget);
  const hashes = new Set(found.cases.map(({ id }) => caseHash(id)));
  const checkpoint = await readCheckpoint(context, input, hashes);
  const cases = checkpoint ? found.cases.filter(({ id }) => checkpoint.cases.has(caseHash(id))) : found.cases;
  const global = base ? await readWeights(federationStore, base) : undefined;
  const ids = cases.map(({ id }) => id);
  const checkpointer = createCheckpointer(context, input, ids.map(caseHash), checkpointSeconds);
  // Read before the memory check, so that the process already has the memory that reading needs. The cache keeps the case.
  const first = await cases[0]?.load();
  const cachedBytes = Math.min(context.cache.maxBytes, cases.length * (first?.image.data.byteLength ?? 0));
  checkMemory(context, site, network.model, stage, tasks, cachedBytes);
  const local = staysAtSites(stage.training) ? await readLocalParameters(data.store, previous, planSha256) : undefined;
  const heldBack =
    stage.validate && global
      ? await casesForValidation(data, tasks, preparationOf(stage.training), context.log)
      : undefined;
  const validation =
    heldBack && global
      ? await validationLoss({
          ...network,
          training: stage.training,
          tasks,
          cases: heldBack,
          global,
          local,
          seed,
        })
      : undefined;
  const report = validation && { validation };
  const validated = { validation: heldBack?.map(({ id }) => id) ?? [] };
  if (!trains(stage, at.round)) {
    return { samples: Math.max(1, validation?.cases ?? 0), figures: {}, cases: validated, ...report };
  }
  const optimizer =
    keepOptimizer && previous.round > 0 ? await readOptimizer(data.store, previous, planSha256) : undefined;
  context.interruption.deferExit();
  const result = await trainRound({
    ...network,
    training: stage.training,
    ...(student ? { pseudoLabels: student } : {}),
    tasks,
    cases,
    global,
    local,
    optimizer,
    round: at.round,
    rounds: stage.rounds,
    seed,
    site,
    secret: dpSgd && (await dpSgdSecret(data.store, input, ids, [local, optimizer, ...(body ? [body] : [])])),
    resume: checkpoint?.state,
    now: context.now,
    onStep: async (done, loss, state) => {
      context.progress({ done, total: steps, loss });
      if (done < steps) await checkpointer.afterStep(state);
    },
  });
  const samples = cases.filter(({ id }) => !unreadable.has(id)).length;
  // A step of DP-SGD may take no case, so that the training does not notice: the budget would go into noise alone.
  if (samples === 0) throw new FedcardioError('NO_DATA', `${data.store.bucket} has no readable training case.`);
  const store = (key: SiteKey, weights: Weights) => data.store.put(key, encodeState(weights, planSha256));
  if (keepOptimizer && at.round < stage.rounds) {
    await store(siteKeys.optimizer(at), result.optimizer);
  }
  if (result.local.size > 0) {
    await store(siteKeys.localParameters(at), result.local);
  }
  const discard = [
    ...(checkpointer.hasWritten || checkpoint ? [checkpointKey(message)] : []),
    ...(await outdatedStates(data.store, at, [
      ...(keepOptimizer ? [siteKeys.optimizer] : []),
      // The best model may be of any round, and belongs together with the parameters of that one.
      ...(result.local.size > 0 && stage.validate?.keep !== 'best' ? [siteKeys.localParameters] : []),
    ])),
  ];
  const sent = await sentWeights(
    input,
    context,
    {
      ...result,
      figures: unreadable.size > 0 ? { ...result.figures, unreadable: unreadable.size } : result.figures,
      samples,
    },
    { global, init: network.init, privacy },
  );
  const { rate } = result;
  // With central noise the site adds none, whatever it trains with: DP-SGD draws from the cases, not from the update.
  const update = privacy ? sent.noisy : dpSgd && sha256Hex(sent.weights.bytes);
  const release = releaseOfRound(plan, message, context.now(), { rate, update, body });
  const ledger = await chargeRelease(data.store, site, release, await budgetOf(data.store, at.campaign));
  const spent = dpSgd && ledger?.releases.filter(({ campaign }) => campaign === at.campaign);
  return {
    samples: sent.samples,
    weights: sent.weights,
    figures: sent.figures,
    // With those that became unreadable in between: some steps may have used them.
    cases: { ...validated, training: ids },
    discard,
    ...(sent.secure && { secure: sent.secure }),
    ...(sent.privacy && { privacy: sent.privacy }),
    ...(dpSgd &&
      spent &&
      rate !== undefined && {
        dpSgd: { ...dpSgd, rate, steps: stage.training.steps, epsilon: epsilonOfReleases(spent, dpSgd.delta) },
      }),
    ...report,
  };
}

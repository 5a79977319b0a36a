import { FedcardioError } from '../error.ts';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import type { Task, TaskId } from '../federation/tasks.ts';
import { parameterOf } from '../models/control-variates.ts';
import { withHeads } from '../models/initial-weights.ts';
import { createNetwork } from '../models/network.ts';
import { headOf } from '../models/parameters.ts';
import type { AdamWOptions } from '../nn/adamw.ts';
import { stepsOf } from '../nn/adamw-state.ts';
import { seededRandom, shuffled } from '../random.ts';
import type { Weights } from '../weights/weights.ts';
import type { CaseSource, PreparedCase } from './cases.ts';
import { personalMoments, trainPersonal } from './ditto.ts';
import { type DpSgd, openDpSgd } from './dp-sgd.ts';
import { loadProbe, loadSiteModel, pick } from './local-parameters.ts';
import { type LossConfig, targetWeight } from './multi-head-loss.ts';
import { cutPatch, type Patch } from './patches.ts';
import { openScaffold } from './scaffold.ts';
import { stepsOfRound } from './schedule.ts';
import { type ModelState, type OnStep, trainModel } from './train-model.ts';

export interface TrainRoundInput {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  /** How pseudo-labels are learnt. */
  readonly pseudoLabels?: Pick<LossConfig, 'pseudoLabelWeight' | 'distillation'>;
  /** Heads of the network. A case trains those that it has targets for. */
  readonly tasks: readonly Task[];
  readonly cases: readonly CaseSource[];
  /** The round's global model. Undefined in the first round: every site then starts from `seed`. */
  readonly global: Weights | undefined;
  /** Weights that a stage starts from in its first round, instead of `seed`. Missing heads are made from `seed`. */
  readonly init?: Weights;
  /** A trained body that is not trained further: only the heads are trained, sent and merged. */
  readonly body?: Weights;
  /** What stayed at the site after its last round: {@link TrainRoundResult.local}. */
  readonly local?: Weights | undefined;
  /** AdamW's moments from this site's previous round: {@link TrainRoundResult.optimizer}. */
  readonly optimizer: Weights | undefined;
  readonly round: number;
  readonly rounds: number;
  /** Seed of the stage's first weights, the same at every site. */
  readonly seed: number;
  /** The site's id, which makes its random patches differ from other sites'. */
  readonly site: string;
  /** Secret of the site for this round and these cases; for `training.dpSgd`. 32 bytes. */
  readonly secret?: Uint8Array | undefined;
  /** Checkpoint of an interrupted run of this round. Resuming gives the same bytes as an uninterrupted run. */
  readonly resume?: RoundState | undefined;
  /** The time, for `training.secondsBudget`. */
  readonly now?: () => Date;
  readonly onStep?: OnStep<RoundState>;
}

/**
 * State within a round. It holds no state of a random generator: the draws of a step depend on seed, site, round and
 * step number.
 */
export interface RoundState extends ModelState {
  /** SCAFFOLD's sums of gradients. */
  readonly gradients?: Weights;
  /** Ditto's personal model. It is trained when the shared one has taken its steps. */
  readonly personal?: ModelState;
  /** Seconds of training so far; absent without `training.secondsBudget`. */
  readonly seconds?: number;
}

export interface TrainRoundResult {
  /** What is sent and merged: weights and, with SCAFFOLD, control variates. */
  readonly weights: Weights;
  /**
   * Names of those that made no step, which are heads: without a target in any case, or in any patch that was drawn. They have the
   * values from the start of the round. With DP-SGD only the former: whether a case was drawn must not show.
   */
  readonly untrained: readonly string[];
  /**
   * What stays at the site: the parameters that its stage keeps local; SCAFFOLD's control variates; Ditto's personal
   * model. Heads that the site has no target for, or has never trained, are left out.
   */
  readonly local: Weights;
  readonly optimizer: Weights;
  /** With DP-SGD: the probability with which a step took a case. */
  readonly rate?: number;
  /** `loss`, `lossEnd`: means over the round and over its last quarter, without the proximal term; with Ditto also of the personal model. */
  readonly figures: {
    readonly loss: number;
    readonly lossEnd: number;
    /** Steps that the shared model made; absent without `training.secondsBudget`. */
    readonly steps?: number;
    readonly personalLoss?: number;
    readonly personalLossEnd?: number;
  };
}

/**
 * One site's part of a round of federated averaging: `training.steps` optimiser steps from the global model on the
 * site's own cases, or fewer if `training.secondsBudget` is spent. `training.proximal` keeps it near the start of the
 * round (FedProx, Li et al. 2020): the global model, or in the first round the weights of `seed`. Parameters that stay at
 * the site have no proximal term.
 * `training.algorithm` is SCAFFOLD, FedPer or Ditto; see docs/method.md.
 *
 * @throws FedcardioError `NO_DATA` without a readable case, `TRAINING_DIVERGED` if the loss, the gradient or a weight
 *   is not finite, `BAD_CONFIGURATION` if `training.localParameters` do not fit the network, `BAD_WEIGHTS` if weights
 *   or control variates do not
 */
export async function trainRound(input: TrainRoundInput): Promise<TrainRoundResult> {
  const { training, tasks, resume } = input;
  const { algorithm } = training;
  const counts = (item: CaseSource, task: TaskId) => targetWeight(item.targets.get(task), input.pseudoLabels ?? {}) > 0;
  const ids = tasks.map(({ id }) => id);
  const usable = input.cases.filter((item) => ids.some((task) => counts(item, task)));
  const withoutTarget = new Set(ids.filter((task) => !usable.some((item) => counts(item, task))));
  if (usable.length === 0)
    throw new FedcardioError('NO_DATA', `${input.site} has no case with a target for ${ids.join(', ')}.`);
  const hasTarget = (name: string) => !withoutTarget.has(headOf(name) ?? '');

  const network = createNetwork(input.model, tasks, input.seed);
  const scaffold =
    algorithm?.name === 'scaffold' ? openScaffold(input.global, input.local, resume?.gradients) : undefined;
  const ditto = algorithm?.name === 'ditto' ? algorithm : undefined;
  try {
    if (input.init) network.load(withHeads(input.init, input.model, tasks, input.seed));
    const split = input.body
      ? loadProbe(network, input.body, input.global)
      : loadSiteModel(network, training, input.global, input.local);
    const variables = input.body
      ? new Map([...network.variables].filter(([name]) => split.shared.has(name)))
      : network.variables;
    const dpSgd = openDpSgd(training, usable.length, input.secret);
    const draw = dpSgd ? sampledPatchesOf(usable, input, dpSgd) : patchesOf(usable, input);
    const budget = createBudget(input);
    const isOver = (done: number) => done >= training.steps || (done > 0 && budget?.isSpent() === true);
    const seconds = () => budget && { seconds: budget.spent() };
    const steps = {
      ...input,
      network,
      variables,
      frozenBody: input.body !== undefined,
      draw,
      dpSgd,
      hasTarget,
      isOver,
    };
    const group = (name: string) => (split.local.has(name) ? LOCAL_GROUP : '') + (headOf(name) ?? BODY_GROUP);
    const { weightDecay, gradientClip } = training;
    const options: AdamWOptions = { weightDecay, gradientClip, group };
    const start = ditto && network.read();
    const proximal = (group: string) => (group.startsWith(LOCAL_GROUP) ? 0 : training.proximal);
    const shared = resume?.personal
      ? resume
      : await trainModel(
          steps,
          { ...options, proximal, correct: scaffold?.correct },
          resume ?? { optimizer: input.optimizer },
          (step, loss, state) =>
            input.onStep?.(step, loss, () => ({
              ...state(),
              ...(scaffold && { gradients: scaffold.read() }),
              ...seconds(),
            })),
        );
    const made = shared.losses.length;
    const personal =
      ditto &&
      start &&
      (await trainPersonal(
        { ...steps, isOver: (done) => done >= made },
        { ...options, pull: ditto.lambda },
        start,
        { weights: input.local, optimizer: input.optimizer, resume: resume?.personal },
        (step, loss, state) =>
          input.onStep?.(made + step, loss, () => ({ ...shared, personal: state(), ...seconds() })),
      ));
    // From the start of the round, not of this run: a checkpoint counts the steps before it.
    const madeStep = (name: string) => stepsOf(shared.optimizer, group(name)) > stepsOf(input.optimizer, group(name));
    const isTrained = (name: string) => hasTarget(name) && (dpSgd !== undefined || madeStep(name));
    const isOwn = (name: string) => hasTarget(name) && (input.local?.has(name) === true || isTrained(name));
    const controls = scaffold?.next(variables);
    const sent = new Map([...pick(shared.weights, split.shared), ...(controls ?? [])]);
    const local = personal?.weights ?? pick(shared.weights, split.local);
    return {
      weights: sent,
      untrained: [...sent.keys()].filter((name) => !isTrained(parameterOf(name))),
      local: controls ?? new Map([...local].filter(([name]) => isOwn(name))),
      optimizer: new Map([...shared.optimizer, ...personalMoments(personal?.optimizer ?? new Map())]),
      ...(dpSgd && { rate: dpSgd.rate }),
      figures: {
        loss: mean(shared.losses),
        lossEnd: mean(lastQuarter(shared.losses)),
        ...(budget && { steps: made }),
        ...(personal && { personalLoss: mean(personal.losses), personalLossEnd: mean(lastQuarter(personal.losses)) }),
      },
    };
  } finally {
    scaffold?.dispose();
    network.dispose();
  }
}

/**
 * The time that a round's shared model may still train, over all its runs; undefined without a budget. Ditto's personal
 * model takes as many steps afterwards: half of the seconds are left for it.
 */
function createBudget({ training, resume, now = () => new Date() }: TrainRoundInput) {
  const { secondsBudget } = training;
  if (secondsBudget === undefined) return undefined;
  const seconds = (secondsBudget * training.steps) / stepsOfRound(training);
  const started = now().getTime();
  const spent = () => (resume?.seconds ?? 0) + Math.max(0, now().getTime() - started) / 1000;
  return { spent, isSpent: () => spent() >= seconds };
}

/** Prefix of the optimiser groups whose parameters stay at the site. */
const LOCAL_GROUP = 'local/';
/** Optimiser group of the body: no task has an empty id. */
const BODY_GROUP = '';

/**
 * The patches of a round by batch number, which may be requested in any order. Cases are drawn without replacement,
 * epoch by epoch. A case that can no longer be read is replaced by the next readable one of its epoch.
 */
function patchesOf(
  cases: readonly CaseSource[],
  { tasks, training, seed, site, round }: TrainRoundInput,
): (batch: number) => Promise<readonly Patch[]> {
  const options = { side: training.patch, spacing: training.spacing, augment: training.augment };
  const shuffle = (epoch: number) => shuffled(seededRandom('epoch', seed, site, round, epoch), cases);
  let current = { epoch: 0, order: shuffle(0) };

  async function caseAt(number: number): Promise<PreparedCase> {
    const epoch = Math.floor(number / cases.length);
    if (epoch !== current.epoch) current = { epoch, order: shuffle(epoch) };
    const { order } = current;
    for (let i = 0; i < order.length; i++) {
      const found = await order[(number + i) % order.length]?.load();
      if (found) return found;
    }
    throw new FedcardioError(
      'NO_DATA',
      `${site} has no readable case with a target for ${tasks.map(({ id }) => id).join(', ')}.`,
    );
  }

  return async (batch) => {
    const patches: Patch[] = [];
    for (let number = batch * training.batch; patches.length < training.batch; number++) {
      const random = seededRandom('patch', seed, site, round, number);
      patches.push(cutPatch(await caseAt(number), tasks, options, random));
    }
    return patches;
  };
}

/** The patches of a step of DP-SGD: one of each case that it takes. A case that can no longer be read is left out. */
function sampledPatchesOf(
  cases: readonly CaseSource[],
  { tasks, training, seed, site, round }: TrainRoundInput,
  { rate, sampling }: DpSgd,
): (step: number) => Promise<readonly Patch[]> {
  const options = { side: training.patch, spacing: training.spacing, augment: training.augment };
  return async (step) => {
    const random = sampling(step);
    const taken = cases.filter(() => random() < rate);
    const patches: Patch[] = [];
    for (const item of taken) {
      const found = await item.load();
      // By the case: with its position, a case more would change the patches of others, and the sum by more than the clip.
      if (found) patches.push(cutPatch(found, tasks, options, seededRandom('patch', seed, site, round, step, item.id)));
    }
    return patches;
  };
}

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const lastQuarter = (values: Float32Array) => values.slice(-Math.ceil(values.length / 4));

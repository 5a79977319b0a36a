import { setImmediate } from 'node:timers/promises';
import { FedcardioError, isFedcardioError } from '../error.ts';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import type { Task, TaskId } from '../federation/tasks.ts';
import { withHeads } from '../models/initial-weights.ts';
import { createNetwork } from '../models/network.ts';
import { headOf } from '../models/parameters.ts';
import { createAdamW } from '../nn/adamw.ts';
import { tf } from '../nn/tf.ts';
import { trainStep } from '../nn/train-step.ts';
import { seededRandom, shuffled } from '../random.ts';
import { allFinite } from '../weights/finite.ts';
import type { Weights } from '../weights/weights.ts';
import type { CaseSource, PreparedCase } from './cases.ts';
import { loadProbe, loadSiteModel, pick } from './local-parameters.ts';
import { imageOf, type LossConfig, networkLoss, targetWeight } from './multi-head-loss.ts';
import { cutPatch, type Patch } from './patches.ts';
import { learningRateAt } from './schedule.ts';

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
  /** Parameters that stay at the site, from its last round. By default they start from `seed`. */
  readonly local?: Weights | undefined;
  /** AdamW's moments from this site's previous round. */
  readonly optimizer: Weights | undefined;
  readonly round: number;
  readonly rounds: number;
  /** Seed of the stage's first weights, the same at every site. */
  readonly seed: number;
  /** The site's id, which makes its random patches differ from other sites'. */
  readonly site: string;
  /** Checkpoint of an interrupted run of this round. Resuming gives the same bytes as an uninterrupted run. */
  readonly resume?: RoundState | undefined;
  /** The time, for `training.secondsBudget`. */
  readonly now?: () => Date;
  /** Called after every step. `state` copies what is needed to resume. An error that it throws ends the round. */
  readonly onStep?: (step: number, loss: number, state: () => RoundState) => void | Promise<void>;
}

/**
 * State within a round. It holds no state of a random generator: the draws of a step depend on seed, site, round and
 * step number.
 */
export interface RoundState {
  /** All weights of the network. */
  readonly weights: Weights;
  readonly optimizer: Weights;
  /** Losses of the completed steps, as float32. */
  readonly losses: Float32Array;
  /** Seconds of training so far; absent without `training.secondsBudget`. */
  readonly seconds?: number;
}

export interface TrainRoundResult {
  /** Weights that are sent and merged. */
  readonly weights: Weights;
  /** Names of those without a target in any case, which are heads. They have the values from the start of the round. */
  readonly untrained: readonly string[];
  /** Weights that stay at the site; empty unless `training.localParameters` is set. */
  readonly local: Weights;
  readonly optimizer: Weights;
  /** `loss`, `lossEnd`: means over the round and over its last quarter, without the proximal term. */
  readonly figures: {
    readonly loss: number;
    readonly lossEnd: number;
    /** Steps made; absent without `training.secondsBudget`. */
    readonly steps?: number;
  };
}

/**
 * One site's part of a round of federated averaging: `training.steps` optimiser steps from the global model on the
 * site's own cases, or fewer if `training.secondsBudget` is spent. `training.proximal` keeps it near the start of the round (FedProx, Li et al. 2020): the global
 * model, or in the first round the weights of `seed`. Parameters that stay at the site have no proximal term.
 *
 * @throws FedcardioError `NO_DATA` without a readable case, `TRAINING_DIVERGED` if the loss, the gradient or a weight
 *   is not finite, `BAD_CONFIGURATION` if `training.localParameters` do not fit the network, `BAD_WEIGHTS` if weights
 *   do not
 */
export async function trainRound(input: TrainRoundInput): Promise<TrainRoundResult> {
  const { training, tasks, round, rounds } = input;
  const counts = (item: CaseSource, task: TaskId) => targetWeight(item.targets.get(task), input.pseudoLabels ?? {}) > 0;
  const ids = tasks.map(({ id }) => id);
  const usable = input.cases.filter((item) => ids.some((task) => counts(item, task)));
  const withoutTarget = new Set(ids.filter((task) => !usable.some((item) => counts(item, task))));
  if (usable.length === 0)
    throw new FedcardioError('NO_DATA', `${input.site} has no case with a target for ${ids.join(', ')}.`);

  const draw = patchesOf(usable, input);
  const network = createNetwork(input.model, tasks, input.seed);
  try {
    if (input.init) network.load(withHeads(input.init, input.model, tasks, input.seed));
    const split = input.body
      ? loadProbe(network, input.body, input.global)
      : loadSiteModel(network, training.localParameters, input.global, input.local);
    const variables = input.body
      ? new Map([...network.variables].filter(([name]) => split.shared.has(name)))
      : network.variables;
    const optimizer = createAdamW(variables, {
      weightDecay: training.weightDecay,
      gradientClip: training.gradientClip,
      group: (name) => (split.local.has(name) ? LOCAL_GROUP : '') + (headOf(name) ?? BODY_GROUP),
      proximal: (group) => (group.startsWith(LOCAL_GROUP) ? 0 : training.proximal),
    });
    try {
      const start = input.resume;
      const moments = start?.optimizer ?? input.optimizer;
      if (moments) optimizer.load(moments);
      // After the optimiser was created: its proximal term keeps the weights near the start of the round.
      if (start) network.load(start.weights);
      const losses = Array.from(start?.losses ?? []);
      const budget = createBudget(input);
      const state = () => ({
        weights: network.read(),
        optimizer: optimizer.read(),
        losses: Float32Array.from(losses),
        ...(budget && { seconds: budget.spent() }),
      });
      for (let step = losses.length; step < training.steps; step++) {
        if (step > 0 && budget?.isSpent()) break;
        const rate = learningRateAt(training, (round - 1) * training.steps + step, rounds * training.steps);
        const parts: (() => tf.Scalar)[] = [];
        const constants: tf.Tensor[] = [];
        for (let part = 0; part < training.accumulate; part++) {
          const patches = await draw(step * training.accumulate + part);
          // A frozen body needs no gradient, so its layers' values are not kept.
          const features = input.body && tf.tidy(() => network.features(imageOf(patches, training.patch)));
          constants.push(...(features ?? []));
          const config = { ...training, ...input.pseudoLabels };
          parts.push(() => networkLoss(network, patches, training.patch, config, features));
        }
        let loss: number;
        try {
          loss = Math.fround(inStep(input, step, () => trainStep(variables.values(), optimizer, rate, ...parts)));
        } finally {
          tf.dispose(constants);
        }
        losses.push(loss);
        await input.onStep?.(step + 1, loss, state);
        // Steps block the thread. Signals and messages are handled between them.
        await setImmediate();
      }
      const trained = network.read();
      inStep(input, losses.length - 1, () => checkFinite(trained));
      return {
        weights: pick(trained, split.shared),
        untrained: [...split.shared].filter((name) => withoutTarget.has(headOf(name) ?? '')),
        local: pick(trained, split.local),
        optimizer: optimizer.read(),
        figures: {
          loss: mean(losses),
          lossEnd: mean(losses.slice(-Math.ceil(losses.length / 4))),
          ...(budget && { steps: losses.length }),
        },
      };
    } finally {
      optimizer.dispose();
    }
  } finally {
    network.dispose();
  }
}

/** The time that a round may still train, over all its runs; undefined without a budget. */
function createBudget({ training, resume, now = () => new Date() }: TrainRoundInput) {
  const { secondsBudget } = training;
  if (secondsBudget === undefined) return undefined;
  const started = now().getTime();
  const spent = () => (resume?.seconds ?? 0) + Math.max(0, now().getTime() - started) / 1000;
  return { spent, isSpent: () => spent() >= secondsBudget };
}

/** Prefix of the optimiser groups whose parameters stay at the site. */
const LOCAL_GROUP = 'local/';
/** Optimiser group of the body: no task has an empty id. */
const BODY_GROUP = '';

/** A step's loss is computed before its update: only the weights show the effect of the last step. */
function checkFinite(weights: Weights): void {
  const broken = [...weights].find(([, { data }]) => !allFinite(data));
  if (!broken) return;
  throw new FedcardioError('TRAINING_DIVERGED', `the weights of ${broken[0]} are not finite after the last step.`, {
    hint: 'Lower the learning rate, or look for damaged values in the images.',
  });
}

/** Adds site, round and step to an error of divergence. */
function inStep<T>({ site, round, training }: TrainRoundInput, step: number, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!isFedcardioError(cause, 'TRAINING_DIVERGED')) throw cause;
    const where = `${site}, round ${round}, step ${step + 1} of ${training.steps}`;
    throw new FedcardioError(cause.code, `${where}: ${cause.message}`, { cause, hint: cause.hint });
  }
}

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

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

import { setImmediate } from 'node:timers/promises';
import { FedcardioError, isFedcardioError } from '../error.ts';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
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
  /** Heads of the network; a case trains those that it has targets for. */
  readonly tasks: readonly TaskId[];
  readonly cases: readonly CaseSource[];
  /** The round's global model, or undefined in the first round: then every site starts from `seed`. */
  readonly global: Weights | undefined;
  /** What a stage starts from where there is no global model yet, instead of `seed`: heads that it lacks come from there. */
  readonly init?: Weights;
  /** A trained body that is not trained on: the heads alone are trained, sent and merged. */
  readonly body?: Weights;
  /** The parameters that stay at the site, as its last round left them; without them they start from `seed` too. */
  readonly local?: Weights | undefined;
  /** AdamW's moments as this site's previous round left them. */
  readonly optimizer: Weights | undefined;
  readonly round: number;
  readonly rounds: number;
  /** Seed of the stage's first weights: the same at every site. */
  readonly seed: number;
  /** Distinguishes the sites' random patches. */
  readonly site: string;
  /** Where a run of this round was stopped. Going on from there ends in the same bytes as if it had not been. */
  readonly resume?: RoundState | undefined;
  /** Called after every step; `state` copies all that there is to go on from. What it throws ends the round. */
  readonly onStep?: (step: number, loss: number, state: () => RoundState) => void | Promise<void>;
}

/**
 * A round in the middle. Nothing of its randomness is in it: what a step draws follows from seed, site, round and the
 * number of the step.
 */
export interface RoundState {
  /** All of the network's. */
  readonly weights: Weights;
  readonly optimizer: Weights;
  /** Of the steps so far, as float32. */
  readonly losses: Float32Array;
}

export interface TrainRoundResult {
  /** What is sent and merged. */
  readonly weights: Weights;
  /** Names of those that no case has a target for: of heads, as the round started. */
  readonly untrained: readonly string[];
  /** What stays at the site: empty unless `training.localParameters` says otherwise. */
  readonly local: Weights;
  readonly optimizer: Weights;
  /** Mean loss over the round and over its last quarter, on the cases alone: without the proximal term. */
  readonly figures: { readonly loss: number; readonly lossEnd: number };
}

/**
 * One site's share of a round of federated averaging: `training.steps` optimiser steps from the global model on the
 * site's own cases. With `training.proximal`, near what the round starts from (FedProx, Li et al. 2020): the global
 * model, or in the first round the weights of `seed`. Parameters that stay at the site are not held: their last
 * values are no model of the round.
 *
 * @throws FedcardioError `NO_DATA` without a case that can be read, `TRAINING_DIVERGED` when the loss, the gradient or a
 * weight is not finite, `BAD_CONFIGURATION` when `training.localParameters` do not fit the network, `BAD_WEIGHTS` when weights do not.
 */
export async function trainRound(input: TrainRoundInput): Promise<TrainRoundResult> {
  const { training, tasks, round, rounds } = input;
  const counts = (item: CaseSource, task: TaskId) => targetWeight(item.targets.get(task), input.pseudoLabels ?? {}) > 0;
  const usable = input.cases.filter((item) => tasks.some((task) => counts(item, task)));
  const withoutTarget = new Set<string>(tasks.filter((task) => !usable.some((item) => counts(item, task))));
  if (usable.length === 0)
    throw new FedcardioError('NO_DATA', `${input.site} has no case with a target for ${tasks.join(', ')}.`);

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
      // After the optimiser was made: the proximal term holds what the round started from.
      if (start) network.load(start.weights);
      const losses = Array.from(start?.losses ?? []);
      const state = () => ({
        weights: network.read(),
        optimizer: optimizer.read(),
        losses: Float32Array.from(losses),
      });
      for (let step = losses.length; step < training.steps; step++) {
        const rate = learningRateAt(training, (round - 1) * training.steps + step, rounds * training.steps);
        const parts: (() => tf.Scalar)[] = [];
        const constants: tf.Tensor[] = [];
        for (let part = 0; part < training.accumulate; part++) {
          const patches = await draw(step * training.accumulate + part);
          // A body that is not trained needs no gradient, nor the memory of its layers for one.
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
        // Steps keep the thread to themselves: between them signals and messages get their turn.
        await setImmediate();
      }
      const trained = network.read();
      inStep(input, training.steps - 1, () => checkFinite(trained));
      return {
        weights: pick(trained, split.shared),
        untrained: [...split.shared].filter((name) => withoutTarget.has(headOf(name) ?? '')),
        local: pick(trained, split.local),
        optimizer: optimizer.read(),
        figures: { loss: mean(losses), lossEnd: mean(losses.slice(-Math.ceil(losses.length / 4))) },
      };
    } finally {
      optimizer.dispose();
    }
  } finally {
    network.dispose();
  }
}

/** Prefix of the optimiser groups whose parameters stay at the site. */
const LOCAL_GROUP = 'local/';
/** Optimiser group of the body: no task has an empty id. */
const BODY_GROUP = '';

/** The loss of a step is that before it: only the weights tell what the last step did. */
function checkFinite(weights: Weights): void {
  const broken = [...weights].find(([, { data }]) => !allFinite(data));
  if (!broken) return;
  throw new FedcardioError('TRAINING_DIVERGED', `the weights of ${broken[0]} are not finite after the last step`, {
    hint: 'Lower the learning rate, or look for damaged values in the images.',
  });
}

/** Says where it was that the training failed. */
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
 * The patches of a round by number of the batch, in any order of asking: cases are drawn without replacement, epoch
 * after epoch. In place of a case that cannot be read any more comes the next of its epoch that can.
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
    throw new FedcardioError('NO_DATA', `${site} has no readable case with a target for ${tasks.join(', ')}.`);
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

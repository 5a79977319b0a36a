import { setImmediate } from 'node:timers/promises';
import { FedcardioError, isFedcardioError } from '../error.ts';
import type { TrainingConfig } from '../federation/schemas.ts';
import type { Network } from '../models/network.ts';
import { type AdamW, type AdamWOptions, createAdamW } from '../nn/adamw.ts';
import { privateStep } from '../nn/private-step.ts';
import { tf } from '../nn/tf.ts';
import { trainStep } from '../nn/train-step.ts';
import { allFinite } from '../weights/finite.ts';
import type { Weights } from '../weights/weights.ts';
import type { DpSgd } from './dp-sgd.ts';
import { imageOf, type LossConfig, networkLoss } from './multi-head-loss.ts';
import type { Patch } from './patches.ts';
import { learningRateAt } from './schedule.ts';

/** State of a model during a round, from which its training resumes. */
export interface ModelState {
  /** All weights of the network. */
  readonly weights: Weights;
  /** AdamW's moments. */
  readonly optimizer: Weights;
  /** Losses of the completed steps, as float32. */
  readonly losses: Float32Array;
}

/** What all steps of a site's round have in common. */
export interface RoundSteps {
  readonly network: Network;
  /** The parameters to train; others are frozen. */
  readonly variables: ReadonlyMap<string, tf.Variable>;
  /** Whether the body is frozen. */
  readonly frozenBody: boolean;
  readonly training: TrainingConfig;
  readonly pseudoLabels?: Pick<LossConfig, 'pseudoLabelWeight' | 'distillation'>;
  /** The patches of a batch, by its number in the round; with DP-SGD those of a step, one of each case that it takes. */
  readonly draw: (batch: number) => Promise<readonly Patch[]>;
  readonly dpSgd?: DpSgd | undefined;
  /** Parameters that the site has a target for. With DP-SGD the others get no noise. */
  readonly hasTarget?: (name: string) => boolean;
  /** Whether the model has made its last step of the round, after so many. */
  readonly isOver: (done: number) => boolean;
  readonly round: number;
  readonly rounds: number;
  readonly site: string;
}

/** Called after every step. `state` copies what is needed to resume. An error that it throws ends the round. */
export type OnStep<S> = (step: number, loss: number, state: () => S) => void | Promise<void> | undefined;

/**
 * Takes the optimiser steps of a round from the network's values.
 *
 * @param from what to load after the optimiser was created, which keeps the values at creation as its anchor
 * @throws FedcardioError `TRAINING_DIVERGED` if the loss, the gradient or a weight is not finite
 */
export async function trainModel(
  steps: RoundSteps,
  options: AdamWOptions,
  from: { readonly [K in keyof ModelState]?: ModelState[K] | undefined },
  onStep: OnStep<ModelState>,
): Promise<ModelState> {
  const { network, training, round, rounds } = steps;
  const optimizer = createAdamW(steps.variables, options);
  try {
    if (from.optimizer) optimizer.load(from.optimizer);
    if (from.weights) network.load(from.weights);
    const losses = Array.from(from.losses ?? []);
    const state = () => ({
      weights: network.read(),
      optimizer: optimizer.read(),
      losses: Float32Array.from(losses),
    });
    for (let step = losses.length; !steps.isOver(step); step++) {
      const rate = learningRateAt(training, (round - 1) * training.steps + step, rounds * training.steps);
      const parts: (() => tf.Scalar)[] = [];
      const constants: tf.Tensor[] = [];
      for (const patches of await batchesOf(steps, step)) {
        // A frozen body needs no gradient, so its layers' values are not kept.
        const features = steps.frozenBody
          ? tf.tidy(() => network.features(imageOf(patches, training.patch)))
          : undefined;
        constants.push(...(features ?? []));
        const config = { ...training, ...steps.pseudoLabels };
        parts.push(() => networkLoss(network, patches, training.patch, config, features));
      }
      let loss: number;
      try {
        const taken = inStep(steps, step, () => takeStep(steps, step, optimizer, rate, parts));
        // A step of DP-SGD may have no case, and so no loss.
        loss = Math.fround(taken ?? losses.at(-1) ?? 0);
      } finally {
        tf.dispose(constants);
      }
      losses.push(loss);
      await onStep(step + 1, loss, state);
      // Steps block the thread. Signals and messages are handled between them.
      await setImmediate();
    }
    const trained = state();
    inStep(steps, losses.length - 1, () => checkFinite(trained.weights));
    return trained;
  } finally {
    optimizer.dispose();
  }
}

/** The batches of a step. With DP-SGD every case is one. */
async function batchesOf({ training, draw, dpSgd }: RoundSteps, step: number): Promise<readonly (readonly Patch[])[]> {
  if (dpSgd) return (await draw(step)).map((patch) => [patch]);
  const batches: (readonly Patch[])[] = [];
  for (let part = 0; part < training.accumulate; part++) batches.push(await draw(step * training.accumulate + part));
  return batches;
}

function takeStep(
  { variables, dpSgd, hasTarget = () => true }: RoundSteps,
  step: number,
  optimizer: AdamW,
  rate: number,
  losses: readonly (() => tf.Scalar)[],
): number | undefined {
  if (!dpSgd) return trainStep(variables.values(), optimizer, rate, ...losses);
  const trained = [...variables].flatMap(([name, variable]) => (hasTarget(name) ? [variable] : []));
  return privateStep(trained, optimizer, rate, losses, dpSgd.gradient(step));
}

/** A step's loss is computed before its update: only the weights show the effect of the last step. */
function checkFinite(weights: Weights): void {
  const broken = [...weights].find(([, { data }]) => !allFinite(data));
  if (!broken) return;
  throw new FedcardioError('TRAINING_DIVERGED', `the weights of ${broken[0]} are not finite after the last step.`, {
    hint: 'Lower the learning rate, or look for damaged values in the images.',
  });
}

/** Adds site, round and step to an error of divergence. */
function inStep<T>({ site, round, training }: RoundSteps, step: number, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!isFedcardioError(cause, 'TRAINING_DIVERGED')) throw cause;
    const where = `${site}, round ${round}, step ${step + 1} of ${training.steps}`;
    throw new FedcardioError(cause.code, `${where}: ${cause.message}`, { cause, hint: cause.hint });
  }
}

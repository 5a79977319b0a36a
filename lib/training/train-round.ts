import { FedcardioError } from '../error.ts';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { createNetwork, parameterGroup } from '../models/network.ts';
import { createAdamW } from '../nn/adamw.ts';
import { trainStep } from '../nn/train-step.ts';
import { seededRandom, shuffled } from '../random.ts';
import type { Weights } from '../weights/weights.ts';
import type { PreparedCase } from './cases.ts';
import { networkLoss } from './loss.ts';
import { cutPatch } from './patches.ts';
import { learningRateAt } from './schedule.ts';

export interface TrainRoundInput {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  /** Heads of the network; a case trains those that it has targets for. */
  readonly tasks: readonly TaskId[];
  readonly cases: readonly PreparedCase[];
  /** The round's global model, or undefined in the first round: then every site starts from `seed`. */
  readonly global: Weights | undefined;
  /** AdamW's moments as this site's previous round left them. */
  readonly optimizer: Weights | undefined;
  readonly round: number;
  readonly rounds: number;
  /** Seed of the stage's first weights: the same at every site. */
  readonly seed: number;
  /** Distinguishes the sites' random patches. */
  readonly site: string;
  readonly onStep?: (step: number, loss: number) => void | Promise<void>;
}

export interface TrainRoundResult {
  readonly weights: Weights;
  readonly optimizer: Weights;
  /** Mean loss over the round and over its last quarter. */
  readonly figures: { readonly loss: number; readonly lossEnd: number };
}

/**
 * One site's share of a round of federated averaging: `training.steps` optimiser steps from the global model on the
 * site's own cases.
 *
 * @throws FedcardioError `NO_DATA` without a case, `TRAINING_DIVERGED` when the loss is not finite.
 */
export async function trainRound(input: TrainRoundInput): Promise<TrainRoundResult> {
  const { training, tasks, round, rounds } = input;
  const usable = input.cases.filter((item) => tasks.some((task) => item.targets.has(task)));
  if (usable.length === 0)
    throw new FedcardioError('NO_DATA', `${input.site} has no case with a target for ${tasks.join(', ')}.`);

  const random = seededRandom('train', input.seed, input.site, round);
  const draw = endlessly(usable, random);
  const network = createNetwork(input.model, tasks, input.seed);
  try {
    if (input.global) network.load(input.global);
    const { weightDecay, gradientClip } = training;
    const optimizer = createAdamW(network.variables, { weightDecay, gradientClip, group: parameterGroup });
    try {
      if (input.optimizer) optimizer.load(input.optimizer);
      const losses: number[] = [];
      for (let step = 0; step < training.steps; step++) {
        const patches = Array.from({ length: training.batch }, () =>
          cutPatch(
            draw(),
            tasks,
            { side: training.patch, spacing: training.spacing, augment: training.augment },
            random,
          ),
        );
        const rate = learningRateAt(training, (round - 1) * training.steps + step, rounds * training.steps);
        const loss = trainStep(network.variables.values(), optimizer, rate, () =>
          networkLoss(network, patches, training.patch, training),
        );
        losses.push(loss);
        await input.onStep?.(step + 1, loss);
      }
      return {
        weights: network.read(),
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

/** Draws without replacement, epoch after epoch. */
function endlessly<T>(items: readonly T[], random: () => number): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = shuffled(random, items);
    return left.pop() as T;
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

import { FedcardioError } from '../error.ts';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { createNetwork, parameterGroup } from '../models/network.ts';
import { createAdamW } from '../nn/adamw.ts';
import { trainStep } from '../nn/train-step.ts';
import { seededRandom, shuffled } from '../random.ts';
import { allFinite } from '../weights/finite.ts';
import type { Weights } from '../weights/weights.ts';
import type { PreparedCase, Target } from './cases.ts';
import { loadProbe, loadSiteModel, pick } from './local-parameters.ts';
import { type LossConfig, networkLoss, targetWeight } from './loss.ts';
import { cutPatch } from './patches.ts';
import { learningRateAt } from './schedule.ts';

export interface TrainRoundInput {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  /** How pseudo-labels are learnt. */
  readonly pseudoLabels?: Pick<LossConfig, 'pseudoLabelWeight' | 'distillation'>;
  /** Heads of the network; a case trains those that it has targets for. */
  readonly tasks: readonly TaskId[];
  readonly cases: readonly PreparedCase[];
  /** The round's global model, or undefined in the first round: then every site starts from `seed`. */
  readonly global: Weights | undefined;
  /** A trained body that is not trained on: the heads alone are trained, sent and merged. */
  readonly body?: Weights | undefined;
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
  readonly onStep?: (step: number, loss: number) => void | Promise<void>;
}

export interface TrainRoundResult {
  /** What is sent and merged. */
  readonly weights: Weights;
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
 * @throws FedcardioError `NO_DATA` without a case, `TRAINING_DIVERGED` when the loss or a weight is not finite,
 * `BAD_CONFIGURATION` when `training.localParameters` do not fit the network, `BAD_WEIGHTS` when weights do not.
 */
export async function trainRound(input: TrainRoundInput): Promise<TrainRoundResult> {
  const { training, tasks, round, rounds } = input;
  const counts = (target: Target | undefined) => targetWeight(target, input.pseudoLabels ?? {}) > 0;
  const usable = input.cases.filter((item) => tasks.some((task) => counts(item.targets.get(task))));
  if (usable.length === 0)
    throw new FedcardioError('NO_DATA', `${input.site} has no case with a target for ${tasks.join(', ')}.`);

  const random = seededRandom('train', input.seed, input.site, round);
  const draw = endlessly(usable, random);
  const network = createNetwork(input.model, tasks, input.seed);
  try {
    const split = input.body
      ? loadProbe(network, input.body, input.global)
      : loadSiteModel(network, training.localParameters, input.global, input.local);
    const variables = input.body
      ? new Map([...network.variables].filter(([name]) => split.shared.has(name)))
      : network.variables;
    const optimizer = createAdamW(variables, {
      weightDecay: training.weightDecay,
      gradientClip: training.gradientClip,
      group: (name) => (split.local.has(name) ? LOCAL_GROUP : '') + parameterGroup(name),
      proximal: (group) => (group.startsWith(LOCAL_GROUP) ? 0 : training.proximal),
    });
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
        const loss = trainStep(variables.values(), optimizer, rate, () =>
          networkLoss(network, patches, training.patch, { ...training, ...input.pseudoLabels }),
        );
        losses.push(loss);
        await input.onStep?.(step + 1, loss);
      }
      const trained = network.read();
      checkFinite(trained);
      return {
        weights: pick(trained, split.shared),
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

const LOCAL_GROUP = 'local/';

/** The loss of a step is that before it: only the weights tell what the last step did. */
function checkFinite(weights: Weights): void {
  const broken = [...weights].find(([, { data }]) => !allFinite(data));
  if (!broken) return;
  throw new FedcardioError('TRAINING_DIVERGED', `the weights of ${broken[0]} are not finite after the last step`, {
    hint: 'Lower the learning rate, or look for damaged values in the images.',
  });
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

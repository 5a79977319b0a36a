import { setImmediate } from 'node:timers/promises';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import { createNetwork } from '../models/network.ts';
import { tf } from '../nn/tf.ts';
import { seededRandom, shuffled } from '../random.ts';
import type { Weights } from '../weights/weights.ts';
import type { CaseSource } from './cases.ts';
import { networkLoss } from './multi-head-loss.ts';
import { cutPatch } from './patches.ts';
import { trainRound } from './train-round.ts';

/** Patches of a case whose mean loss an attack looks at. */
const PATCHES = 4;

/** The network that an attack imitates, and how it is trained. */
export interface Imitated {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  readonly tasks: readonly Task[];
}

/**
 * Draws the cases of each shadow model: a half of all, so that each case is in half of the models. Models come in pairs with
 * complementary halves.
 *
 * @returns of each model, whether it is trained with each case
 */
export function halves(cases: number, shadows: number, seed: number): readonly (readonly boolean[])[] {
  return Array.from({ length: shadows }, (_, index) => {
    const pair = Math.floor(index / 2);
    const order = shuffled(
      seededRandom('shadow', seed, pair),
      Array.from({ length: cases }, (_, at) => at),
    );
    const first = new Set(order.slice(0, Math.ceil(cases / 2)));
    return Array.from({ length: cases }, (_, at) => first.has(at) === (index % 2 === 0));
  });
}

/** Trains a network from new weights on some cases. */
export async function trainShadow(
  { model, training, tasks }: Imitated,
  cases: readonly CaseSource[],
  seed: number,
  onStep: (done: number) => void,
): Promise<Weights> {
  const round = { model, training, tasks, cases, global: undefined, optimizer: undefined, round: 1, rounds: 1 };
  const { weights } = await trainRound({
    ...round,
    seed,
    site: `shadow-${seed}`,
    onStep: async (done) => onStep(done),
  });
  return weights;
}

/** The mean training loss of weights on each case, on patches that are the same for all weights; NaN for an unreadable case. */
export async function lossesOf(
  { model, training, tasks }: Imitated,
  weights: Weights,
  cases: readonly CaseSource[],
): Promise<readonly number[]> {
  const network = createNetwork(model, tasks, 0);
  const options = { side: training.patch, spacing: training.spacing, augment: false };
  const losses: number[] = [];
  try {
    network.load(weights);
    for (const source of cases) {
      const found = await source.load();
      let sum = found ? 0 : Number.NaN;
      for (let index = 0; found && index < PATCHES; index++) {
        const patch = cutPatch(found, tasks, options, seededRandom('attack', source.id, index));
        const loss = tf.tidy(() => networkLoss(network, [patch], training.patch, training));
        sum += (await loss.data())[0] as number;
        loss.dispose();
        await setImmediate();
      }
      losses.push(sum / PATCHES);
    }
  } finally {
    network.dispose();
  }
  return losses;
}

import { type ModelConfig, trainingSchema } from '../federation/schemas.ts';
import { type DefaultTaskId, TASKS } from '../federation/tasks.ts';
import { difference } from '../nn/testing.ts';
import type { Weights } from '../weights/weights.ts';
import { inMemory } from './cases.ts';
import { ballCase } from './testing-cases.ts';
import type { TrainRoundInput } from './train-round.ts';

/** A round of a small UNet on two cases of one ball each. */
export const toyModel: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: true };
export const toyTraining = trainingSchema.parse({ patch: 16, spacing: 6, steps: 3, learningRate: 1e-2, warmup: 0 });
const tasks: readonly DefaultTaskId[] = ['calcification', 'membranous-septum'];

export const toyRound: TrainRoundInput = {
  model: toyModel,
  training: toyTraining,
  tasks: tasks.map((id) => TASKS[id]),
  cases: ['a', 'b'].map((id) => inMemory(ballCase(id, 16, 6, tasks))),
  global: undefined,
  optimizer: undefined,
  round: 1,
  rounds: 4,
  seed: 7,
  site: 'berlin',
};

/** Training that does not change the weights. */
export const still = { ...toyTraining, steps: 1, learningRate: 1e-12, weightDecay: 0 };

/** Largest difference of any weight; infinite if the names differ. */
export function differenceOf(a: Weights, b: Weights): number {
  if ([...a.keys()].join() !== [...b.keys()].join()) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...[...a].map(([name, { data }]) => difference(data, b.get(name)?.data ?? [])));
}

/** Mean absolute difference of the weights; NaN if the names differ. */
export function distanceOf(a: Weights, b: Weights): number {
  const distances = [...a].flatMap(([name, { data }]) =>
    Array.from(data, (value, i) => Math.abs(value - (b.get(name)?.data[i] ?? Number.NaN))),
  );
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
}

import { type TrainingConfig, trainingSchema } from '../../lib/federation/schemas.ts';
import { inMemory } from '../../lib/training/cases.ts';
import { trainRound } from '../../lib/training/train-round.ts';
import { type BenchNetwork, FIELD_OF_VIEW_MM, preparedPhantom, SEED } from './networks.ts';

/** Patches of every size cover the whole phantom. */
export const trainingOf = (patch: number, steps: number, batch = 1): TrainingConfig =>
  trainingSchema.parse({ patch, spacing: FIELD_OF_VIEW_MM / patch, steps, batch, learningRate: 1e-3 });

/** Trains on a phantom as a GPU task does: patch, loss, gradient and AdamW. Calls `onStep` after each step. */
export async function trainSteps(
  { model, tasks }: BenchNetwork,
  training: TrainingConfig,
  onStep: (step: number) => void,
): Promise<void> {
  await trainRound({
    model,
    training,
    tasks,
    cases: [inMemory(preparedPhantom(training.spacing))],
    global: undefined,
    optimizer: undefined,
    round: 1,
    rounds: 1,
    seed: SEED,
    site: 'bench',
    onStep,
  });
}

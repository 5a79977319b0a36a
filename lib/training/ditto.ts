import type { AdamWOptions } from '../nn/adamw.ts';
import { belowPrefix, withPrefix } from '../weights/prefixed.ts';
import type { Weights } from '../weights/weights.ts';
import { type ModelState, type OnStep, type RoundSteps, trainModel } from './train-model.ts';

/** What a site has of its personal model from the last round that it took part in, and from an interrupted run. */
export interface PersonalStart {
  /** Undefined at a site's first round. Missing heads are the global model's. */
  readonly weights: Weights | undefined;
  /** The optimiser's state of the site's last round, with that of the shared model. */
  readonly optimizer: Weights | undefined;
  readonly resume: ModelState | undefined;
}

/**
 * Trains a site's personal model for a round (Ditto, Li et al. 2021, algorithm 1), on the patches that the shared model
 * learnt from. `options.pull` is λ.
 *
 * @param global the weights that the round started from: the point that the personal model is pulled to, and at first its
 *   values
 */
export function trainPersonal(
  steps: RoundSteps,
  options: AdamWOptions,
  global: Weights,
  { weights, optimizer, resume }: PersonalStart,
  onStep: OnStep<ModelState>,
): Promise<ModelState> {
  steps.network.load(global);
  const moments = belowPrefix(PREFIX, optimizer ?? new Map());
  const start = {
    weights: new Map([...global, ...(weights ?? [])]),
    optimizer: moments.size > 0 ? moments : undefined,
  };
  return trainModel(steps, options, resume ?? start, onStep);
}

/** Prefix of the personal model's moments beside those of the shared model. */
const PREFIX = 'personal/';

export const personalMoments = (optimizer: Weights): Weights => withPrefix(PREFIX, optimizer);

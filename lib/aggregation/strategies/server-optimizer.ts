import { createWeightedSum } from './fedavg.ts';
import type { Strategy } from './strategy.ts';

/**
 * One step of a server optimiser on one value.
 *
 * @param moments moments before the step; overwritten with those after it
 * @param at index of the value's first moment
 * @param difference Δ, the mean of the updates minus the model that they started from
 * @returns the change of that model
 */
export type ServerStep = (moments: Float32Array, at: number, difference: number) => number;

/**
 * Federated optimisation (Reddi et al. 2021, ICLR, algorithm 2). The weighted mean minus the model that the updates
 * started from is a gradient, with which an optimiser at the server moves that model. Moments start from zero and are
 * stored as float32; a step is computed in float64. In a stage's first round, which has no such model, the mean is the
 * new model.
 */
export const serverOptimizer = (moments: readonly string[], step: ServerStep): Strategy => ({
  moments,
  holdsAll: false,
  tolerates: () => 0,
  createReducer: (_, capacity, kernels) => {
    const sum = createWeightedSum(capacity, kernels);
    return {
      add: sum.add,
      finish: (merged, kept) => {
        const { sums, total } = sum.take();
        if (!kept) {
          kernels.roundQuotient(sums, total, merged);
          return;
        }
        const { base, moments: state } = kept;
        for (let i = 0; i < merged.length; i++) {
          const from = base[i] as number;
          merged[i] = from + step(state, i * moments.length, (sums[i] as number) / total - from);
        }
      },
    };
  },
});

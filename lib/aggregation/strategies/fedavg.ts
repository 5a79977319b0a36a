import type { Kernels } from '../kernels.ts';
import type { Strategy } from './strategy.ts';

/**
 * Federated averaging: the mean of the updates, each weighted with its samples (McMahan et al. 2017, AISTATS,
 * algorithm 1). Sums are float64 in the order of the updates and are rounded to float32 once, so that the result is
 * bit-identical on every machine.
 */
export const fedavg: Strategy = {
  moments: [],
  holdsAll: false,
  tolerates: () => 0,
  createReducer: (_, capacity, kernels) => {
    const sum = createWeightedSum(capacity, kernels);
    return {
      add: sum.add,
      finish: (merged) => {
        const { sums, total } = sum.take();
        kernels.roundQuotient(sums, total, merged);
      },
    };
  },
};

/** Sums a slice's values over the updates, each weighted with its samples. `total` is the sum of the samples. */
export function createWeightedSum(capacity: number, kernels: Kernels) {
  const sums = kernels.float64(capacity);
  let total = 0;
  return {
    add: (values: Float32Array, samples: number) => {
      const combine = total === 0 ? kernels.assignScaled : kernels.addScaled;
      combine(values, samples, sums);
      total += samples;
    },
    /** Called once per slice. The next `add` starts new sums. */
    take: () => {
      const taken = { sums, total };
      total = 0;
      return taken;
    },
  };
}

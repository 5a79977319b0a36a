import type { Kernels } from './kernels.ts';
import type { Strategy } from './strategy.ts';

/**
 * Federated averaging: the mean of the updates, each weighted with its samples (McMahan et al. 2017, AISTATS,
 * algorithm 1). Sums are float64 in the order of the updates and rounded to float32 once, so that the result is the
 * same to the bit on every machine.
 */
export const fedavg: Strategy = {
  moments: [],
  holdsAll: false,
  createReducer: (samples, capacity, kernels) => {
    const sum = createWeightedSum(samples, capacity, kernels);
    return {
      add: sum.add,
      finish: (merged) => kernels.roundQuotient(sum.take(), sum.total, merged),
    };
  },
};

/** The sum of a slice's values over the updates, each times its samples; `total` is that of the samples. */
export function createWeightedSum(samples: readonly number[], capacity: number, kernels: Kernels) {
  const sums = kernels.float64(capacity);
  let next = 0;
  return {
    total: samples.reduce((sum, count) => sum + count, 0),
    add: (values: Float32Array) => {
      const combine = next === 0 ? kernels.assignScaled : kernels.addScaled;
      combine(values, samples[next] as number, sums);
      next++;
    },
    /** The sums; the next `add` starts new ones. */
    take: () => {
      next = 0;
      return sums;
    },
  };
}

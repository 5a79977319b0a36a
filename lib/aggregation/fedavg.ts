import { addScaled, assignScaled, roundQuotient } from './kernels.ts';
import type { Strategy } from './strategy.ts';

/**
 * Federated averaging: the mean of the updates, each weighted with its samples (McMahan et al. 2017, AISTATS,
 * algorithm 1). Sums are float64 in the order of the updates and rounded to float32 once, so that the result is the
 * same to the bit on every machine.
 */
export const fedavg: Strategy = {
  moments: [],
  holdsAll: false,
  createReducer: (samples, capacity) => {
    const sum = createWeightedSum(samples, capacity);
    return {
      add: sum.add,
      finish: (merged) => roundQuotient(sum.take(), sum.total, merged),
    };
  },
};

/** The sum of a slice's values over the updates, each times its samples; `total` is that of the samples. */
export function createWeightedSum(samples: readonly number[], capacity: number) {
  const sums = new Float64Array(capacity);
  let next = 0;
  return {
    total: samples.reduce((sum, count) => sum + count, 0),
    add: (values: Float32Array) => {
      const combine = next === 0 ? assignScaled : addScaled;
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

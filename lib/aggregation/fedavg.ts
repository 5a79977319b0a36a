import type { Strategy } from './strategy.ts';

/**
 * Federated averaging: the mean of the updates, each weighted with its samples (McMahan et al. 2017, AISTATS,
 * algorithm 1). Sums are float64 in the order of the updates and rounded to float32 once, so that the result is the
 * same to the bit on every machine.
 */
export const fedavg: Strategy = {
  createReducer: (weights, capacity) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => weight / total);
    const sums = new Float64Array(capacity);
    let next = 0;
    return {
      add: (values) => {
        const share = shares[next] as number;
        if (next === 0) scale(values, share, sums);
        else addScaled(values, share, sums);
        next++;
      },
      finish: (merged) => {
        for (let i = 0; i < merged.length; i++) merged[i] = sums[i] as number;
        next = 0;
      },
    };
  },
};

function scale(values: Float32Array, share: number, sums: Float64Array): void {
  for (let i = 0; i < values.length; i++) sums[i] = share * (values[i] as number);
}

function addScaled(values: Float32Array, share: number, sums: Float64Array): void {
  for (let i = 0; i < values.length; i++) sums[i] = (sums[i] as number) + share * (values[i] as number);
}

import type { Aggregation } from '../../federation/schemas.ts';
import { serverOptimizer } from './server-optimizer.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'fedyogi' }>;

/**
 * Yogi at the server (Reddi et al. 2021, algorithm 2): like FedAdam, but with v ← v − (1 − β₂)·Δ²·sign(v − Δ²), so that v
 * falls slowly after large differences.
 */
export const fedyogi = ({ learningRate, beta1, beta2, epsilon }: Config): Strategy =>
  serverOptimizer(['m', 'v'], (moments, at, difference) => {
    const square = difference * difference;
    const before = moments[at + 1] as number;
    const m = beta1 * (moments[at] as number) + (1 - beta1) * difference;
    const v = before - (1 - beta2) * square * Math.sign(before - square);
    moments[at] = m;
    moments[at + 1] = v;
    return (learningRate * m) / (Math.sqrt(v) + epsilon);
  });

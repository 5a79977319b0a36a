import type { Aggregation } from '../../federation/schemas.ts';
import { serverOptimizer } from './server-optimizer.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'fedadam' }>;

/**
 * Adam at the server (Reddi et al. 2021, algorithm 2): m ← β₁·m + (1 − β₁)·Δ, v ← β₂·v + (1 − β₂)·Δ²,
 * w ← w + η·m / (√v + τ). Like the paper, it has no bias correction.
 */
export const fedadam = ({ learningRate, beta1, beta2, epsilon }: Config): Strategy =>
  serverOptimizer(['m', 'v'], (moments, at, difference) => {
    const m = beta1 * (moments[at] as number) + (1 - beta1) * difference;
    const v = beta2 * (moments[at + 1] as number) + (1 - beta2) * difference * difference;
    moments[at] = m;
    moments[at + 1] = v;
    return (learningRate * m) / (Math.sqrt(v) + epsilon);
  });

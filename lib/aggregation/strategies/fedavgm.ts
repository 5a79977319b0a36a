import type { Aggregation } from '../../federation/schemas.ts';
import { serverOptimizer } from './server-optimizer.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'fedavgm' }>;

/** Momentum at the server (Hsu et al. 2019, arXiv 1909.06335): m ← β·m + Δ, w ← w + η·m. */
export const fedavgm = ({ learningRate, momentum }: Config): Strategy =>
  serverOptimizer(['m'], (moments, at, difference) => {
    const m = momentum * (moments[at] as number) + difference;
    moments[at] = m;
    return learningRate * m;
  });

import type { Aggregation } from '../federation/schemas.ts';
import { fedavg } from './fedavg.ts';
import type { Strategy } from './strategy.ts';

const STRATEGIES: Readonly<Record<string, Strategy>> = { fedavg };

/** The strategy that a stage's configuration names. */
export const strategyOf = (aggregation: Aggregation): Strategy => STRATEGIES[aggregation.strategy] as Strategy;

import type { Aggregation } from '../../federation/schemas.ts';
import { fedadam } from './fedadam.ts';
import { fedavg } from './fedavg.ts';
import { fedavgm } from './fedavgm.ts';
import { fedyogi } from './fedyogi.ts';
import { krum } from './krum.ts';
import { median } from './median.ts';
import { multiKrum } from './multi-krum.ts';
import type { Strategy } from './strategy.ts';
import { trimmedMean } from './trimmed-mean.ts';

type Implementations = {
  readonly [S in Aggregation['strategy']]: (config: Extract<Aggregation, { strategy: S }>) => Strategy;
};

/** The implementation of every strategy that lib/federation/schemas/aggregation.ts declares. */
const IMPLEMENTATIONS: Implementations = {
  fedavg: () => fedavg,
  fedavgm,
  fedadam,
  fedyogi,
  median: () => median,
  'trimmed-mean': trimmedMean,
  krum,
  'multi-krum': multiKrum,
};

/** The strategy that a stage's configuration names. */
export const strategyOf = (aggregation: Aggregation): Strategy =>
  (IMPLEMENTATIONS[aggregation.strategy] as (config: Aggregation) => Strategy)(aggregation);

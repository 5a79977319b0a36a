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

/** The strategy that a stage's configuration names. */
export function strategyOf(aggregation: Aggregation): Strategy {
  switch (aggregation.strategy) {
    case 'fedavg':
      return fedavg;
    case 'fedavgm':
      return fedavgm(aggregation);
    case 'fedadam':
      return fedadam(aggregation);
    case 'fedyogi':
      return fedyogi(aggregation);
    case 'median':
      return median;
    case 'trimmed-mean':
      return trimmedMean(aggregation);
    case 'krum':
      return krum(aggregation);
    case 'multi-krum':
      return multiKrum(aggregation);
  }
}

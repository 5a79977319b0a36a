import type { Aggregation } from '../../federation/schemas.ts';
import { middleMean } from './middle-mean.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'trimmed-mean' }>;

/**
 * The mean of each value over the updates, without a share of the smallest and of the largest (Yin et al. 2018, ICML,
 * definition 2). Of n updates, ⌊trim · n⌋ but at least `minTrimmed` are left out at either end, as long as one is left.
 */
export const trimmedMean = ({ trim, minTrimmed = 0 }: Config): Strategy =>
  middleMean((updates) => Math.min(Math.floor((updates - 1) / 2), Math.max(minTrimmed, Math.floor(trim * updates))));

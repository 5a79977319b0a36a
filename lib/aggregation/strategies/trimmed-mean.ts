import type { Aggregation } from '../../federation/schemas.ts';
import { middleMean } from './middle-mean.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'trimmed-mean' }>;

/**
 * The mean of each value over the updates, without a share of the smallest and of the largest (Yin et al. 2018, ICML,
 * definition 2). Of n updates, ⌊trim · n⌋ are left out at either end: none if n is small.
 */
export const trimmedMean = ({ trim }: Config): Strategy => middleMean((updates) => Math.floor(trim * updates));

import type { Aggregation } from '../../federation/schemas.ts';
import { middleMean } from './middle-mean.ts';
import type { Strategy } from './strategy.ts';

type Config = Extract<Aggregation, { strategy: 'trimmed-mean' }>;

/**
 * Of each value the mean over the updates without a share of the smallest and of the largest (Yin et al. 2018, ICML,
 * definition 2). Of n updates ⌊trim · n⌋ are left out at either end: none where n is small, and then it is a mean.
 */
export const trimmedMean = ({ trim }: Config): Strategy => middleMean((updates) => Math.floor(trim * updates));

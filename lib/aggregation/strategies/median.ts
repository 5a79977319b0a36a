import { middleMean } from './middle-mean.ts';
import type { Strategy } from './strategy.ts';

/**
 * The median of each value over the updates (Yin et al. 2018, ICML, definition 1): a minority of sites cannot move
 * it beyond the values of the others. For an even number of updates, the mean of the middle two.
 */
export const median: Strategy = middleMean((updates) => Math.floor((updates - 1) / 2));

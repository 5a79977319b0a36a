import { middleMean } from './middle-mean.ts';
import type { Strategy } from './strategy.ts';

/**
 * The median of each value over the updates (Yin et al. 2018, ICML, definition 1): no minority of sites can move it
 * beyond what the others sent. Of an even number, the mean of the two in the middle.
 */
export const median: Strategy = middleMean((updates) => Math.floor((updates - 1) / 2));

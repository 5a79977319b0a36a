import { sweep } from '../sweep.ts';
import { lambdaFunction } from './function.ts';
import { largeMerges } from './merges.ts';

/** Of the federation, once a minute. What the scheduler sends is not looked at. */
export const handler = lambdaFunction('sweep', (_event: unknown, context) => sweep(context), largeMerges);

import { lambdaFunction } from './lambda/function.ts';
import { largeMerges } from './lambda/merges.ts';
import { sweep } from './sweep.ts';

/** Of the federation, once a minute. What the scheduler sends is not looked at. */
export const handler = lambdaFunction('sweep', (_event: unknown, context) => sweep(context), largeMerges);

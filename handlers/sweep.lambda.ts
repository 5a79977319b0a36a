import { lambdaFunction } from './lambda/function.ts';
import { largeMerges } from './lambda/merges.ts';
import { sweep } from './sweep.ts';

/** Lambda entry point of the coordinator's schedule, every minute. The event has no content that is used. */
export const handler = lambdaFunction('sweep', (_event: unknown, context) => sweep(context), largeMerges);

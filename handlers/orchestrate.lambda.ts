import { lambdaFunction } from './lambda/function.ts';
import { orchestrate } from './orchestrate.ts';

/** Of the federation, on the orchestrate queue. */
export const handler = lambdaFunction('orchestrate', orchestrate);
export { orchestrate };

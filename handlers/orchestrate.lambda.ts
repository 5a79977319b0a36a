import { lambdaFunction } from './lambda/function.ts';
import { orchestrate } from './orchestrate.ts';

/** Lambda entry point of the coordinator's orchestrate queue. */
export const handler = lambdaFunction('orchestrate', orchestrate);
export { orchestrate };

import { orchestrate } from '../orchestrate.ts';
import { lambdaFunction } from './function.ts';

/** Of the federation, on the orchestrate queue. */
export const handler = lambdaFunction('orchestrate', orchestrate);
export { orchestrate };

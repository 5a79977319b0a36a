import { aggregate } from '../aggregate.ts';
import { lambdaFunction } from './function.ts';
import { largeMerges } from './merges.ts';

/** Of the federation, on the aggregate queue. */
export const handler = lambdaFunction('aggregate', aggregate, largeMerges);
export { aggregate };

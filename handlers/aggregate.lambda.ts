import { aggregate } from './aggregate.ts';
import { lambdaFunction } from './lambda/function.ts';
import { largeMerges } from './lambda/merges.ts';

/** Of the federation, on the aggregate queue. */
export const handler = lambdaFunction('aggregate', aggregate, largeMerges);
export { aggregate };

import { aggregate } from './aggregate.ts';
import { lambdaFunction } from './lambda/function.ts';
import { largeMerges } from './lambda/merges.ts';

/** Lambda entry point of the coordinator's aggregate queue. */
export const handler = lambdaFunction('aggregate', aggregate, largeMerges);
export { aggregate };

import { intake } from './intake.ts';
import { lambdaFunction } from './lambda/function.ts';

/** Lambda entry point of a site's intake queue. */
export const handler = lambdaFunction('intake', intake);
export { intake };

import { intake } from './intake.ts';
import { lambdaFunction } from './lambda/function.ts';

/** Of a site, on its intake queue. */
export const handler = lambdaFunction('intake', intake);
export { intake };

import { jobFailed } from './job-failed.ts';
import { lambdaFunction } from './lambda/function.ts';

/** Of a site, on EventBridge's "Batch Job State Change" of its job queue. */
export const handler = lambdaFunction('job-failed', jobFailed);

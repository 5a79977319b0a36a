import { jobFailed } from './job-failed.ts';
import { lambdaFunction } from './lambda/function.ts';

/** Lambda entry point of EventBridge's "Batch Job State Change" events of a site's job queue. */
export const handler = lambdaFunction('job-failed', jobFailed);

import { createBatchQueue } from '../lib/aws/batch.ts';
import { createBatchLauncher } from './batch/batch-launcher.ts';
import { dispatch } from './dispatch.ts';
import { required } from './lambda/environment.ts';
import { lambdaFunction } from './lambda/function.ts';

/** Lambda entry point of a site's tasks queue. */
export const handler = lambdaFunction('dispatch', dispatch, ({ context, trace }) => {
  const jobQueue = required('FEDCARDIO_JOB_QUEUE');
  const jobDefinition = required('FEDCARDIO_JOB_DEFINITION');
  const queue = createBatchQueue({ trace, jobQueue, jobDefinition });
  return { launcher: createBatchLauncher({ ...context, queue, site: required('FEDCARDIO_SITE') }) };
});
export { dispatch };

import type { BatchQueue } from '../../lib/aws/batch.ts';
import { launchBatchJob } from '../../lib/aws/launch-job.ts';
import { describeError, FedcardioError, isFedcardioError } from '../../lib/error.ts';
import { type RoundAddress, siteKeys } from '../../lib/federation/keys.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import { recordFailure } from '../../lib/protocol/gpu-tasks.ts';
import type { GpuTaskLauncher, HandlerContext } from '../context.ts';
import { jobName } from './job-name.ts';

/**
 * Starts a site's tasks as jobs of AWS Batch. That a job has failed is an event of EventBridge's; should it be lost,
 * the next message for the task finds the job failed and records it in the event's place.
 */
export function createBatchLauncher(
  context: Pick<HandlerContext, 'objects' | 'now' | 'log'> & { readonly queue: BatchQueue; readonly site: string },
): GpuTaskLauncher {
  const { now, log, site } = context;
  return {
    submit: async (message, deadline) => {
      const { campaign, stage, round } = message;
      const at: RoundAddress = { campaign, stage, round };
      if (message.site !== site) {
        throw new FedcardioError('BAD_MESSAGE', `a task of "${message.site}" was sent to the queue of "${site}"`, {
          hint: 'Look at who may send to the queue, and at FEDCARDIO_SITE.',
        });
      }
      const request = {
        name: jobName(at, site),
        claim: { bucket: names.siteBucket(message.federation, site), key: siteKeys.job(at) },
        environment: { FEDCARDIO_TASK: canonicalJson(message) },
        timeoutSeconds: (deadline.getTime() - now().getTime()) / 1000,
      };
      try {
        const launch = await launchBatchJob(context, request);
        log('task-launched', { ...at, site, ...launch });
        if (launch.kind === 'failed') await recordFailure(context, message, launch.reason, 'JOB_FAILED');
      } catch (error) {
        // What can never be a job would go to the dead letters, and its round would wait until the deadline.
        if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
        await recordFailure(context, message, describeError(error), error.code);
      }
    },
  };
}

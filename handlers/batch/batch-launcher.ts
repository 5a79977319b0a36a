import { describeError, isFedcardioError } from '../../lib/error.ts';
import { type RoundAddress, siteKeys } from '../../lib/federation/keys.ts';
import { canonicalJson } from '../../lib/json.ts';
import { recordFailure } from '../../lib/protocol/gpu-tasks.ts';
import type { BatchQueue } from '../../lib/storage/contract.ts';
import { launchBatchJob } from '../../lib/storage/launch-job.ts';
import { secondsUntil } from '../../lib/storage/time-limit.ts';
import type { GpuTaskLauncher, HandlerContext } from '../context.ts';
import { requireOwnSite } from '../own-site.ts';
import { jobName } from './job-name.ts';

/**
 * Starts a site's GPU tasks as AWS Batch jobs. EventBridge reports a failed job; if that event is lost, the next message
 * for the GPU task finds the job failed and records the failure.
 */
export function createBatchLauncher(
  context: Pick<HandlerContext, 'federationStore' | 'siteStore' | 'now' | 'log'> & {
    readonly queue: BatchQueue;
    readonly site: string;
  },
): GpuTaskLauncher {
  const { siteStore, now, log, site } = context;
  return {
    submit: async (message, deadline) => {
      const { campaign, stage, round } = message;
      const at: RoundAddress = { campaign, stage, round };
      requireOwnSite(message, site);
      const request = {
        name: jobName(at, site),
        claim: { store: siteStore(site), key: siteKeys.job(at) },
        environment: { FEDCARDIO_TASK: canonicalJson(message) },
        timeoutSeconds: secondsUntil(deadline, now()),
      };
      try {
        const launch = await launchBatchJob(context, request);
        log('task-launched', { ...at, site, ...launch });
        if (launch.kind === 'failed') await recordFailure(context, message, launch.reason, 'JOB_FAILED');
      } catch (error) {
        // No retry makes this request valid. Without an answer its round would wait for the deadline.
        if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
        await recordFailure(context, message, describeError(error), error.code);
      }
    },
  };
}

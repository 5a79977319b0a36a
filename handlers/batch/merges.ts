import { federationKeys } from '../../lib/federation/keys.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { BatchQueue } from '../../lib/storage/contract.ts';
import { launchBatchJob } from '../../lib/storage/launch-job.ts';
import type { HandlerContext } from '../context.ts';
import { jobName } from './job-name.ts';

/** Time limit of a merge job, seconds. 64 updates of 4 GiB take a small part of it. */
const TIMEOUT_SECONDS = 6 * 3600;
/** Seconds until a failed merge is retried. A person may have to fix its cause, and each attempt costs money. */
const RESUBMIT_AFTER_SECONDS = 900;

/**
 * Delegates closing a round to an AWS Batch job if its updates have more than `maxBytes` in total. The job runs the same
 * code. The sweep reconciles the round every minute, so a failed job is retried.
 */
export function mergeAsJobs(
  context: Pick<HandlerContext, 'federationStore' | 'now' | 'log'> & {
    readonly queue: BatchQueue;
    readonly maxBytes: number;
  },
): NonNullable<HandlerContext['delegateMerge']> {
  const { federationStore, log, maxBytes } = context;
  return async ({ campaign, stage, round }, bytes) => {
    if (bytes <= maxBytes) return false;
    const at = { campaign, stage, round };
    const request = {
      name: jobName(at),
      claim: { store: federationStore, key: federationKeys.mergeJob(at) },
      environment: { FEDCARDIO_MERGE: canonicalJson(at) },
      timeoutSeconds: TIMEOUT_SECONDS,
      resubmitAfterSeconds: RESUBMIT_AFTER_SECONDS,
    };
    const launch = await launchBatchJob(context, request);
    log(launch.kind === 'failed' ? 'merge-failed' : 'merge-launched', { ...at, bytes, ...launch });
    return true;
  };
}

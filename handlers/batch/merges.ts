import type { BatchQueue } from '../../lib/aws/batch.ts';
import { launchBatchJob } from '../../lib/aws/launch-job.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { HandlerContext } from '../context.ts';
import { jobName } from './job-name.ts';

/** Time limit of a merge job, seconds: many times what 64 updates of 4 GiB take. */
const TIMEOUT_SECONDS = 6 * 3600;
/** Seconds until a failed merge is tried again: a person may have to fix its cause, and each attempt costs money. */
const AGAIN_AFTER_SECONDS = 900;

/**
 * Delegates the closing of rounds whose updates have more than `maxBytes` together to AWS Batch jobs, which run the same
 * code. A failed job loses nothing: the sweep reconciles the round every minute.
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
      againAfterSeconds: AGAIN_AFTER_SECONDS,
    };
    const launch = await launchBatchJob(context, request);
    log(launch.kind === 'failed' ? 'merge-failed' : 'merge-launched', { ...at, bytes, ...launch });
    return true;
  };
}

import type { BatchQueue } from '../../lib/aws/batch.ts';
import { launchBatchJob } from '../../lib/aws/launch-job.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { HandlerContext } from '../context.ts';
import { jobName } from './job-name.ts';

/** What a merge may take, in seconds, before its job is ended: many times what 64 updates of 4 GiB take. */
const TIMEOUT_SECONDS = 6 * 3600;
/** How long a merge that failed is left alone: somebody may have to mend something, and nobody is to pay for haste. */
const AGAIN_AFTER_SECONDS = 900;

/**
 * Closes rounds whose updates have more than `maxBytes` together as jobs of AWS Batch, which run the same code.
 * Nothing is lost when such a job fails: every look at the round finds it so, the sweep looks each minute.
 */
export function mergeAsJobs(
  context: Pick<HandlerContext, 'federation' | 'objects' | 'now' | 'log'> & {
    readonly queue: BatchQueue;
    readonly maxBytes: number;
  },
): NonNullable<HandlerContext['delegateMerge']> {
  const { federation, log, maxBytes } = context;
  return async ({ campaign, stage, round }, bytes) => {
    if (bytes <= maxBytes) return false;
    const at = { campaign, stage, round };
    const request = {
      name: jobName(at),
      claim: { bucket: names.federationBucket(federation.id), key: federationKeys.mergeJob(at) },
      environment: { FEDCARDIO_MERGE: canonicalJson(at) },
      timeoutSeconds: TIMEOUT_SECONDS,
      againAfterSeconds: AGAIN_AFTER_SECONDS,
    };
    const launch = await launchBatchJob(context, request);
    log(launch.kind === 'failed' ? 'merge-failed' : 'merge-launched', { ...at, bytes, ...launch });
    return true;
  };
}

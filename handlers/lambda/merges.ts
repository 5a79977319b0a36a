import { createBatchQueue } from '../../lib/aws/batch.ts';
import { mergeAsJobs } from '../batch/merges.ts';
import { required, requiredBytes } from './environment.ts';
import type { Extras, Setup } from './function.ts';

/**
 * Extras of the functions that close rounds: merges that are too large for a function are delegated to Batch, if the
 * stack has a job queue for them. Without one, the function does every merge itself.
 */
export function largeMerges({ context, trace }: Setup): Extras {
  const jobQueue = process.env.FEDCARDIO_MERGE_JOB_QUEUE;
  if (!jobQueue) return {};
  const jobDefinition = required('FEDCARDIO_MERGE_JOB_DEFINITION');
  const maxBytes = requiredBytes('FEDCARDIO_MERGE_MAX_BYTES');
  const queue = createBatchQueue({ trace, jobQueue, jobDefinition });
  return { delegateMerge: mergeAsJobs({ ...context, queue, maxBytes }) };
}

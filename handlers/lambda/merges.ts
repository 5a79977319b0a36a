import { createBatchQueue } from '../../lib/aws/batch.ts';
import { mergeAsJobs } from '../batch/merges.ts';
import { required, requiredBytes } from './environment.ts';
import type { Extras, Setup } from './function.ts';

/**
 * For the functions that close rounds: those too large for a function are closed as Batch jobs, where the stack has
 * a queue for them. Without one, a function merges whatever comes.
 */
export function largeMerges({ context, trace }: Setup): Extras {
  const jobQueue = process.env.FEDCARDIO_MERGE_JOB_QUEUE;
  if (!jobQueue) return {};
  const jobDefinition = required('FEDCARDIO_MERGE_JOB_DEFINITION');
  const maxBytes = requiredBytes('FEDCARDIO_MERGE_MAX_BYTES');
  const queue = createBatchQueue({ trace, jobQueue, jobDefinition });
  return { delegateMerge: mergeAsJobs({ ...context, queue, maxBytes }) };
}

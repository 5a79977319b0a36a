import { randomUUID } from 'node:crypto';
import { type Job, jobSchema } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import { type StoredDocument, tryReadJson } from '../storage/documents.ts';
import { writeOwned } from '../storage/owned.ts';
import type { BatchJob, BatchQueue, JobRequest } from './batch.ts';

export interface ClaimedRequest extends JobRequest {
  /** The object that says who submits the job, and which one it became. */
  readonly claim: { readonly bucket: string; readonly key: string };
  /** So long after its submission a job that failed is started again; without it, never. */
  readonly againAfterSeconds?: number;
}

/** What became of a request. `claimed`: another is submitting the job at this moment. */
export type Launch =
  | { readonly kind: 'started' | 'running'; readonly jobId: string }
  | { readonly kind: 'claimed' }
  | { readonly kind: 'failed'; readonly jobId: string; readonly reason: string };

/** Longer than who claims a job lives, shorter than it takes a message to come again. */
const CLAIM_SECONDS = 90;

/**
 * Starts a job once, however often it is asked for, although Batch makes a new job of each SubmitJob: an object is
 * created before the job is submitted and names the job afterwards. Who crashes in between has left a claim that runs
 * out; whoever is asked next then looks in Batch for a job of this name before submitting one.
 *
 * Asked for again, a job that waits or runs is left alone. One that has succeeded, or that Batch no longer knows, is
 * started again: whoever asks has looked whether its work is done. One that has failed stays so until its time comes.
 */
export async function launchBatchJob(
  { queue, objects, now }: { readonly queue: BatchQueue; readonly objects: Objects; readonly now: () => Date },
  request: ClaimedRequest,
): Promise<Launch> {
  const { name, claim, againAfterSeconds = Number.POSITIVE_INFINITY } = request;
  const holder = randomUUID();

  /** Says who submits the job, where nobody else has since the claim was read. */
  const write = (jobId: string | null, over: string | undefined) => {
    const until = new Date(now().getTime() + CLAIM_SECONDS * 1000).toISOString();
    const job: Job = { schema: 'fedcardio.job/1', name, holder, until, jobId };
    return writeOwned(objects, claim.bucket, claim.key, jobSchema, job, over);
  };

  async function submit(over: string | undefined): Promise<Launch> {
    const claimed = await write(null, over);
    if (claimed.kind === 'lost') return { kind: 'claimed' };
    const jobId = await queue.submit(request);
    // Where another has taken the claim over meanwhile, it has found this job by its name.
    await write(jobId, claimed.etag);
    return { kind: 'started', jobId };
  }

  const known = await tryReadJson(objects, claim.bucket, claim.key, jobSchema);
  if (!known) return submit(undefined);
  if (known.value.jobId === null && Date.parse(known.value.until) > now().getTime()) return { kind: 'claimed' };
  const job = await jobOfClaim(queue, known, name);
  if (job?.phase === 'alive') {
    if (known.value.jobId === null) await write(job.id, known.etag);
    return { kind: 'running', jobId: job.id };
  }
  if (job?.phase === 'failed' && now().getTime() < Date.parse(known.value.until) + againAfterSeconds * 1000) {
    return { kind: 'failed', jobId: job.id, reason: job.reason ?? 'Batch gives no reason' };
  }
  return submit(known.etag);
}

const jobOfClaim = (queue: BatchQueue, { value }: StoredDocument<Job>, name: string): Promise<BatchJob | undefined> =>
  value.jobId === null ? queue.find(name) : queue.describe(value.jobId);

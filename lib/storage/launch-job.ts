import { randomUUID } from 'node:crypto';
import { type Job, jobSchema } from '../federation/schemas.ts';
import type { BatchQueue, JobRequest, ObjectStore } from './contract.ts';
import { readStored } from './documents.ts';
import { writeOwned } from './owned.ts';

export interface ClaimedRequest<K extends string> extends JobRequest {
  /** The object that names who submits the job, and afterwards the job. */
  readonly claim: { readonly store: Pick<ObjectStore<K>, 'bucket' | 'tryGet' | 'put'>; readonly key: NoInfer<K> };
  /** Seconds after its submission until a failed job is resubmitted; never by default. */
  readonly resubmitAfterSeconds?: number;
}

/** The result of a launch. `claimed`: another caller is submitting the job. */
export type Launch =
  | { readonly kind: 'started' | 'running'; readonly jobId: string }
  | { readonly kind: 'claimed' }
  | { readonly kind: 'failed'; readonly jobId: string; readonly reason: string };

/** An end of a claim further ahead than this comes from a wrong clock or is forged. */
const LONGEST_CLAIM_SECONDS = 120;

/** Longer than a function that claims a job runs, shorter than a message's visibility timeout. */
const CLAIM_SECONDS = 90;

/**
 * Starts a Batch job once, however often it is requested, although each SubmitJob makes a new job: a claim object is
 * created before the job is submitted and names the job afterwards. A caller that crashes in between leaves a claim that
 * expires; the next caller then searches Batch for a job of this name before it submits one.
 *
 * A job that waits or runs is left alone. One that succeeded, that was lost, or that Batch no longer knows, is started
 * again: the caller has checked whether its work is done. A failed job is resubmitted after `resubmitAfterSeconds`.
 */
export async function launchBatchJob<K extends string>(
  { queue, now }: { readonly queue: BatchQueue; readonly now: () => Date },
  request: ClaimedRequest<K>,
): Promise<Launch> {
  const { name, claim, resubmitAfterSeconds = Number.POSITIVE_INFINITY } = request;
  const holder = randomUUID();

  /** Writes the claim unless another caller has written it since it was read. */
  const write = (jobId: string | null, etag: string | undefined) => {
    const until = new Date(now().getTime() + CLAIM_SECONDS * 1000).toISOString();
    const job: Job = { schema: 'fedcardio.job/1', name, holder, until, jobId };
    return writeOwned(claim.store, claim.key, jobSchema, job, etag);
  };

  async function submit(etag: string | undefined): Promise<Launch> {
    const claimed = await write(null, etag);
    if (claimed.kind === 'lost') return { kind: 'claimed' };
    const jobId = await queue.submit(request);
    // A caller that took over the claim in the meantime has found this job by its name.
    await write(jobId, claimed.etag);
    return { kind: 'started', jobId };
  }

  const known = await readStored(claim.store, claim.key, jobSchema);
  if (!known) return submit(undefined);
  // What cannot be read may have named a job, which is then found by its name.
  const { jobId, until } = known.value ?? { jobId: null, until: new Date(0).toISOString() };
  const claimedSeconds = (Date.parse(until) - now().getTime()) / 1000;
  if (jobId === null && claimedSeconds > 0 && claimedSeconds <= LONGEST_CLAIM_SECONDS) {
    return { kind: 'claimed' };
  }
  const job = await (jobId === null ? queue.find(name) : queue.describe(jobId));
  if (job?.phase === 'alive') {
    if (jobId === null) await write(job.id, known.etag);
    return { kind: 'running', jobId: job.id };
  }
  if (job?.phase === 'failed' && now().getTime() < Date.parse(until) + resubmitAfterSeconds * 1000) {
    return { kind: 'failed', jobId: job.id, reason: job.reason ?? 'Batch gives no reason' };
  }
  return submit(known.etag);
}

import {
  BatchClient,
  JobStatus,
  type ListJobsCommandInput,
  paginateDescribeJobQueues,
  paginateListJobs,
} from '@aws-sdk/client-batch';
import { type ConnectionOptions, connection } from './clients.ts';
import { attemptWith, storageError } from './failures.ts';

export interface JobWatchOptions extends ConnectionOptions {
  /** Start of the names of the job queues. */
  readonly queuePrefix: string;
}

const SOCKETS = 8;
const MAX_ATTEMPTS = 6;
const ACTIVE = [JobStatus.RUNNING, JobStatus.RUNNABLE, JobStatus.STARTING, JobStatus.SUBMITTED, JobStatus.PENDING];
const DAY_MS = 24 * 3_600_000;

/** Looks for jobs in all job queues whose name begins with a prefix, in this account and region. */
export function createJobWatch(options: JobWatchOptions) {
  const client = new BatchClient({
    ...connection(options, SOCKETS),
    retryMode: 'adaptive',
    maxAttempts: MAX_ATTEMPTS,
  });
  const batch = options.trace?.(client) ?? client;

  async function queues(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { jobQueues = [] } of paginateDescribeJobQueues({ client: batch }, {})) {
      names.push(...jobQueues.map(({ jobQueueName }) => jobQueueName as string));
    }
    return names.filter((name) => name.startsWith(options.queuePrefix));
  }

  /** Whether a listing has a job that ended after `since` (ms), or has any if it is undefined. */
  async function hasJob(input: ListJobsCommandInput, since?: number): Promise<boolean> {
    for await (const { jobSummaryList = [] } of paginateListJobs({ client: batch }, input)) {
      if (jobSummaryList.some(({ stoppedAt }) => since === undefined || (stoppedAt !== undefined && stoppedAt > since)))
        return true;
    }
    return false;
  }

  const inAnyQueue = (action: string, matches: (jobQueue: string) => Promise<boolean>) =>
    attempt(action, async () => (await Promise.all((await queues()).map(matches))).includes(true));

  return {
    areActive: (): Promise<boolean> =>
      inAnyQueue('list active jobs', async (jobQueue) => {
        for (const jobStatus of ACTIVE) if (await hasJob({ jobQueue, jobStatus })) return true;
        return false;
      }),
    haveEndedSince: (time: Date): Promise<boolean> =>
      inAnyQueue('list ended jobs', (jobQueue) =>
        // With a filter, Batch lists jobs of every status.
        hasJob(
          { jobQueue, filters: [{ name: 'AFTER_CREATED_AT', values: [String(time.getTime() - DAY_MS)] }] },
          time.getTime(),
        ),
      ),
  };
}

const attempt = attemptWith(storageError);

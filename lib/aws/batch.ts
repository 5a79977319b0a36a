import { BatchClient, DescribeJobsCommand, ListJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch';
import { FedcardioError } from '../error.ts';
import { type ConnectionOptions, connection } from './clients.ts';
import { storageError } from './failures.ts';

/** What is to run as a job of AWS Batch. */
export interface JobRequest {
  /** Two jobs of one name do the same work. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Each attempt is ended after so long; Batch takes no less than 60. */
  readonly timeoutSeconds: number;
}

export interface BatchJob {
  readonly id: string;
  readonly phase: 'alive' | 'succeeded' | 'failed';
  /** Why it failed, where Batch says so. */
  readonly reason: string | undefined;
}

/** The jobs of one queue, all of one definition. */
export interface BatchQueue {
  /** @returns the job's id; throws `BAD_MESSAGE` for what cannot be a job, `STORAGE` when Batch did not take it */
  submit(request: JobRequest): Promise<string>;
  /** Undefined when Batch has forgotten it, as it does some days after its end. */
  describe(id: string): Promise<BatchJob | undefined>;
  /** The youngest job of this name. */
  find(name: string): Promise<BatchJob | undefined>;
}

export interface BatchQueueOptions extends ConnectionOptions {
  /** ARN or name of the queue and of the definition that its jobs are of. */
  readonly jobQueue: string;
  readonly jobDefinition: string;
  /** Of a call that Batch throttles; see {@link throttledOnly}. */
  readonly maxAttempts?: number;
}

const SOCKETS = 8;
const MIN_TIMEOUT_SECONDS = 60;
/** Half a minute at most: a function has a whole one, and after it the message comes again. */
const MAX_ATTEMPTS = 6;
/** ECS takes no longer overrides, and counts the JSON around them. */
const OVERRIDES_BYTES = 8192;

export function createBatchQueue(options: BatchQueueOptions): BatchQueue {
  const { jobQueue, jobDefinition, maxAttempts = MAX_ATTEMPTS } = options;
  const client = new BatchClient({ ...connection(options, SOCKETS), retryMode: 'adaptive', maxAttempts });
  client.config.retryStrategy = throttledOnly(client.config.retryStrategy);
  const batch = options.trace?.(client) ?? client;
  return {
    submit: async ({ name, environment, timeoutSeconds }) => {
      const containerOverrides = { environment: Object.entries(environment).map(([name, value]) => ({ name, value })) };
      checkOverrides(name, containerOverrides);
      const { jobId } = await attempt(`submit job ${name}`, () =>
        batch.send(
          new SubmitJobCommand({
            jobName: name,
            jobQueue,
            jobDefinition,
            containerOverrides,
            timeout: { attemptDurationSeconds: Math.max(MIN_TIMEOUT_SECONDS, Math.ceil(timeoutSeconds)) },
          }),
        ),
      );
      return jobId as string;
    },
    describe: async (id) => {
      const { jobs = [] } = await attempt(`look up job ${id}`, () =>
        batch.send(new DescribeJobsCommand({ jobs: [id] })),
      );
      return jobs[0] && jobOf(id, jobs[0]);
    },
    find: async (name) => {
      const filters = [{ name: 'JOB_NAME', values: [name] }];
      const { jobSummaryList = [] } = await attempt(`look for job ${name}`, () =>
        batch.send(new ListJobsCommand({ jobQueue, filters })),
      );
      // Batch compares names without regard to case, and lists the youngest first.
      const found = jobSummaryList.find(({ jobName }) => jobName === name);
      return found && jobOf(found.jobId as string, found);
    },
  };
}

type RetryStrategy = BatchClient['config']['retryStrategy'];

/**
 * The SDK's adaptive retries, but only for what Batch refused because it is asked too often (it takes 50 calls a
 * second). Of a call whose answer was lost nobody knows whether it made a job, and there is no token by which Batch
 * would know it again: who repeats it may start a second job.
 */
function throttledOnly(provider: RetryStrategy): RetryStrategy {
  return async () => {
    const strategy = await provider();
    if (!('refreshRetryTokenForRetry' in strategy)) return strategy;
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      recordSuccess: (token) => strategy.recordSuccess(token),
      refreshRetryTokenForRetry: async (token, failure) => {
        if (failure.errorType !== 'THROTTLING') throw failure.error;
        return strategy.refreshRetryTokenForRetry(token, failure);
      },
    };
  };
}

function jobOf(
  id: string,
  { status, statusReason }: { readonly status?: string | undefined; readonly statusReason?: string | undefined },
): BatchJob {
  const phase = status === 'SUCCEEDED' ? 'succeeded' : status === 'FAILED' ? 'failed' : 'alive';
  return { id, phase, reason: statusReason };
}

function checkOverrides(name: string, overrides: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(overrides));
  if (bytes <= OVERRIDES_BYTES) return;
  throw new FedcardioError(
    'BAD_MESSAGE',
    `Job ${name} cannot be submitted: its environment has ${bytes} bytes, ECS takes ${OVERRIDES_BYTES}.`,
    { hint: "Shorten the stage's configuration: fewer or shorter patterns, tasks or model names." },
  );
}

async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error, doing);
  }
}

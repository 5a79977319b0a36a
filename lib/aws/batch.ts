import { BatchClient, DescribeJobsCommand, ListJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch';
import { FedcardioError } from '../error.ts';
import { isLost } from '../federation/exit-codes.ts';
import type { BatchJob, BatchQueue } from '../storage/contract.ts';
import { attemptSeconds } from '../storage/time-limit.ts';
import { type ConnectionOptions, connection } from './clients.ts';
import { attemptWith, storageError } from './failures.ts';

export interface BatchQueueOptions extends ConnectionOptions {
  /** ARN or name. */
  readonly jobQueue: string;
  /** ARN or name. */
  readonly jobDefinition: string;
  /** Attempts of a call that Batch throttles; see {@link retryOnlyThrottling}. */
  readonly maxAttempts?: number;
}

const SOCKETS = 8;
/** Takes at most half a minute. The calling function has one minute; after it the message is delivered again. */
const MAX_ATTEMPTS = 6;
/** Limit of ECS for a job's overrides as JSON. */
const OVERRIDES_BYTES = 8192;

export function createBatchQueue(options: BatchQueueOptions): BatchQueue {
  const { jobQueue, jobDefinition, maxAttempts = MAX_ATTEMPTS } = options;
  const client = new BatchClient({ ...connection(options, SOCKETS), retryMode: 'adaptive', maxAttempts });
  client.config.retryStrategy = retryOnlyThrottling(client.config.retryStrategy);
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
            timeout: { attemptDurationSeconds: attemptSeconds(timeoutSeconds) },
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
      // Batch compares names case-insensitively and lists the newest job first.
      const found = jobSummaryList.find(({ jobName }) => jobName === name);
      return found && jobOf(found.jobId as string, found);
    },
  };
}

type RetryStrategy = BatchClient['config']['retryStrategy'];

/**
 * Restricts the SDK's adaptive retries to throttled calls (Batch accepts 50 calls a second). A call whose response was lost
 * may have created a job, and SubmitJob takes no idempotency token: a retry could start a second job.
 */
function retryOnlyThrottling(provider: RetryStrategy): RetryStrategy {
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

interface JobState {
  readonly status?: string | undefined;
  readonly statusReason?: string | undefined;
  readonly container?: { readonly exitCode?: number | undefined } | undefined;
}

function jobOf(id: string, { status, statusReason, container }: JobState): BatchJob {
  const phase = status === 'SUCCEEDED' ? 'succeeded' : status === 'FAILED' ? 'failed' : 'alive';
  const lost = phase === 'failed' && isLost({ exitCode: container?.exitCode, reason: statusReason });
  return { id, phase: lost ? 'lost' : phase, reason: statusReason };
}

function checkOverrides(name: string, overrides: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(overrides));
  if (bytes <= OVERRIDES_BYTES) return;
  throw new FedcardioError(
    'BAD_MESSAGE',
    `Job ${name} cannot be submitted: its environment has ${bytes} bytes, ECS accepts ${OVERRIDES_BYTES}.`,
    { hint: "Shorten the stage's configuration: use fewer or shorter patterns, tasks or model names." },
  );
}

const attempt = attemptWith(storageError);

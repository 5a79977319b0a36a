import { randomUUID } from 'node:crypto';
import type { ContainerEnd, RunContainer } from './container.ts';
import type { Deployment, JobDefinition, Placed } from './deployment.ts';
import type { BusEvent } from './event-bus.ts';
import { isSamePlace } from './functions.ts';
import type { Reply, Service } from './gateway.ts';
import { nameOf } from './resources.ts';
import { type AttemptEnd, isRetried } from './retry.ts';

type Status = 'SUBMITTED' | 'RUNNABLE' | 'STARTING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED';

interface Attempt {
  readonly container: { readonly exitCode?: number; readonly reason?: string };
  readonly statusReason: string;
  readonly startedAt: number;
  readonly stoppedAt: number;
}

interface Job {
  readonly jobId: string;
  readonly jobName: string;
  readonly jobQueue: string;
  readonly definition: JobDefinition;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number | undefined;
  readonly createdAt: number;
  status: Status;
  statusReason?: string;
  readonly attempts: Attempt[];
  /** Output of all attempts. */
  readonly lines: string[];
}

export interface BatchOptions {
  readonly deployment: Deployment;
  readonly runContainer: RunContainer;
  /** Variables of a container that the definition does not name: the role's credentials and the endpoint. */
  readonly environmentOf: (definition: JobDefinition) => Readonly<Record<string, string>>;
  readonly emit: (event: BusEvent) => void;
  /** Containers at a time. */
  readonly hosts: number;
  /** Whether the hosts of a job queue's account and region can start containers. Otherwise jobs stay RUNNABLE. */
  readonly canHost: (place: Placed) => boolean;
  /** A signal that an attempt gets, for tests. Attempts count from 1. */
  readonly interrupt?: (job: Job, attempt: number) => NodeJS.Signals | undefined;
}

export interface Batch {
  readonly service: Service;
  readonly jobs: readonly Job[];
  /** Number of jobs that have not ended. */
  active(): number;
  /** Starts jobs whose hosts have become able to run them. */
  wake(): void;
}

type Body = Readonly<Record<string, unknown>>;

/** AWS Batch: runs submitted jobs by their definitions, retries them as these say, and emits each change of state. */
export function createBatch(options: BatchOptions): Batch {
  const { deployment, runContainer, environmentOf, emit, hosts, canHost, interrupt } = options;
  const jobs: Job[] = [];
  const waiting: Job[] = [];
  let running = 0;

  function change(job: Job, status: Status, statusReason?: string): void {
    job.status = status;
    if (statusReason !== undefined) job.statusReason = statusReason;
    emit(eventOf(job));
  }

  function submit({ jobName, jobQueue, jobDefinition, containerOverrides, timeout }: Body): Reply {
    const queue = deployment.jobQueues.find(({ arn }) => arn === jobQueue || nameOf(arn) === jobQueue);
    const definition = deployment.jobDefinitions.find(
      ({ arn, name }) => arn === jobDefinition || name === jobDefinition,
    );
    if (!queue || !definition)
      return { status: 400, body: { message: `There is no ${queue ? jobDefinition : jobQueue}.` } };
    const overrides = (containerOverrides ?? {}) as {
      readonly environment?: readonly { name: string; value: string }[];
    };
    const job: Job = {
      jobId: randomUUID(),
      jobName: String(jobName),
      jobQueue: queue.arn,
      definition,
      environment: {
        ...definition.environment,
        ...Object.fromEntries((overrides.environment ?? []).map(({ name, value }) => [name, value])),
      },
      timeoutSeconds:
        (timeout as { readonly attemptDurationSeconds?: number } | undefined)?.attemptDurationSeconds ??
        definition.timeoutSeconds,
      createdAt: Date.now(),
      status: 'SUBMITTED',
      attempts: [],
      lines: [],
    };
    jobs.unshift(job);
    emit(eventOf(job));
    change(job, 'RUNNABLE');
    waiting.push(job);
    // The caller has its answer before the job runs.
    setImmediate(startWaiting);
    return { status: 200, body: { jobId: job.jobId, jobName: job.jobName, jobArn: arnOf(job) } };
  }

  function startWaiting(): void {
    while (running < hosts) {
      const next = waiting.findIndex(({ definition }) => canHost(definition));
      if (next < 0) return;
      const [job] = waiting.splice(next, 1) as [Job];
      running += 1;
      void run(job).finally(() => {
        running -= 1;
        startWaiting();
      });
    }
  }

  async function run(job: Job): Promise<void> {
    for (;;) {
      const number = job.attempts.length + 1;
      const startedAt = Date.now();
      change(job, 'STARTING');
      change(job, 'RUNNING');
      const end = await runContainer({
        command: job.definition.command,
        environment: { ...job.environment, ...environmentOf(job.definition), ...batchVariables(job, number) },
        timeoutSeconds: job.timeoutSeconds,
        signal: interrupt?.(job, number),
      });
      job.lines.push(...end.lines);
      const attempt = endOf(end);
      const { statusReason, ...container } = attempt;
      job.attempts.push({ container, statusReason, startedAt, stoppedAt: Date.now() });
      if (end.exitCode === 0) return change(job, 'SUCCEEDED', statusReason);
      const isLast = number >= job.definition.attempts || end.timedOut;
      if (isLast || !isRetried(job.definition.evaluateOnExit, attempt)) return change(job, 'FAILED', statusReason);
      change(job, 'RUNNABLE');
    }
  }

  return {
    jobs,
    active: () => jobs.filter(({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED').length,
    wake: startWaiting,
    service: async (body, caller, path) => {
      const isOwn = (one: Pick<Placed, 'account' | 'region'>) => isSamePlace(one, caller);
      if (path === '/v1/submitjob') return submit(body);
      if (path === '/v1/describejobqueues') {
        const queues = deployment.jobQueues.filter(isOwn);
        const jobQueues = queues.map(({ arn }) => ({ jobQueueArn: arn, jobQueueName: nameOf(arn) }));
        return { status: 200, body: { jobQueues } };
      }
      const own = jobs.filter(({ definition }) => isOwn(definition));
      if (path === '/v1/listjobs') {
        return { status: 200, body: { jobSummaryList: own.filter((job) => isListed(job, body)).map(describe) } };
      }
      const ids = body.jobs as readonly string[];
      return { status: 200, body: { jobs: own.filter(({ jobId }) => ids.includes(jobId)).map(describe) } };
    },
  };
}

/** Batch compares names case-insensitively, and with a filter lists jobs of every status (API reference, ListJobs). */
function isListed(job: Job, { jobQueue, jobStatus, filters }: Body): boolean {
  if (jobQueue !== job.jobQueue && jobQueue !== nameOf(job.jobQueue)) return false;
  const [filter] = (filters ?? []) as readonly { readonly name: string; readonly values: readonly string[] }[];
  if (!filter) return job.status === (jobStatus ?? 'RUNNING');
  if (filter.name === 'AFTER_CREATED_AT') return job.createdAt > Number(filter.values[0]);
  return filter.values.some((value) => value.toLowerCase() === job.jobName.toLowerCase());
}

const SIGKILLED = 137;

/** Batch's reasons for the end of a container. Nothing but the kernel sends SIGKILL, to one that uses too much memory. */
function endOf({ exitCode, timedOut }: ContainerEnd): AttemptEnd {
  if (timedOut) return { exitCode, statusReason: 'Job attempt duration exceeded timeout' };
  const outOfMemory = { reason: 'OutOfMemoryError: Container killed due to memory usage' };
  return {
    exitCode,
    ...(exitCode === SIGKILLED ? outOfMemory : {}),
    statusReason: 'Essential container in task exited',
  };
}

const arnOf = ({ jobId, definition: { account, region } }: Job): string =>
  `arn:aws:batch:${region}:${account}:job/${jobId}`;

/** The variables that Batch sets (user guide, "AWS Batch job environment variables"). */
const batchVariables = ({ jobId, jobQueue }: Job, attempt: number): Readonly<Record<string, string>> => ({
  AWS_BATCH_CE_NAME: 'hosts',
  AWS_BATCH_JOB_ATTEMPT: String(attempt),
  AWS_BATCH_JOB_ID: jobId,
  AWS_BATCH_JQ_NAME: nameOf(jobQueue),
});

/** A job as DescribeJobs, ListJobs and events show it. */
function describe(job: Job) {
  const { jobId, jobName, jobQueue, definition, environment, status, statusReason, attempts, createdAt } = job;
  const last = attempts.at(-1)?.container;
  return {
    jobArn: arnOf(job),
    jobId,
    jobName,
    jobQueue,
    jobDefinition: definition.arn,
    status,
    ...(statusReason === undefined ? {} : { statusReason }),
    attempts,
    createdAt,
    ...(status === 'SUCCEEDED' || status === 'FAILED' ? { stoppedAt: attempts.at(-1)?.stoppedAt } : {}),
    container: {
      command: definition.command,
      environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
      ...last,
    },
  };
}

const eventOf = (job: Job): BusEvent => ({
  account: job.definition.account,
  region: job.definition.region,
  source: 'aws.batch',
  'detail-type': 'Batch Job State Change',
  detail: describe(job),
});

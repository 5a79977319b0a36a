import { expect, test } from 'vitest';
import type { Role } from '../../cdk/isolation/world.ts';
import { createBatch } from './batch.ts';
import type { ContainerEnd, ContainerRun } from './container.ts';
import type { Deployment } from './deployment.ts';
import type { BusEvent } from './event-bus.ts';

const place = { account: '111122223333', region: 'eu-central-1' };
const QUEUE = { ...place, arn: 'arn:aws:batch:eu-central-1:111122223333:job-queue/heart-bonn' };
const DEFINITION: Deployment['jobDefinitions'][number] = {
  ...place,
  arn: 'arn:aws:batch:eu-central-1:111122223333:job-definition/heart-bonn:1',
  name: 'heart-bonn',
  role: 'heart-bonn-task',
  command: [],
  environment: { AWS_REGION: 'eu-central-1', OVERRIDDEN: 'no' },
  attempts: 3,
  evaluateOnExit: [{ action: 'EXIT', onExitCode: '2' }],
  timeoutSeconds: 3600,
};
const NOTHING = { functions: [], sources: [], schedules: [], rules: [], permissions: [] };
const REQUEST = {
  jobName: 'first',
  jobQueue: QUEUE.arn,
  jobDefinition: DEFINITION.arn,
  containerOverrides: { environment: [{ name: 'OVERRIDDEN', value: 'yes' }] },
  timeout: { attemptDurationSeconds: 60 },
};

const CALLER = place as Role;
let canRun = () => true;

/** Batch with containers that end as given, one after the other. */
function batchWith(...ends: readonly Partial<ContainerEnd>[]) {
  const runs: ContainerRun[] = [];
  const events: BusEvent[] = [];
  const batch = createBatch({
    deployment: { ...NOTHING, jobQueues: [QUEUE], jobDefinitions: [DEFINITION] },
    hosts: 1,
    canHost: () => canRun(),
    environmentOf: () => ({ AWS_ACCESS_KEY_ID: 'a' }),
    emit: (event) => events.push(event),
    runContainer: async (run) => {
      const end = ends[runs.push(run) - 1];
      return { exitCode: 0, timedOut: false, lines: [], ...end };
    },
  });
  const call = (path: string, body: Readonly<Record<string, unknown>>) =>
    batch.service(body, CALLER, path) as Promise<{ status: number; body: Record<string, never> }>;
  const ended = async () => {
    await call('/v1/submitjob', REQUEST);
    await expect.poll(() => batch.active()).toBe(0);
    return batch.jobs[0];
  };
  return { batch, runs, call, ended, states: () => events.map(({ detail }) => detail.status) };
}

test('runs the definition with the overrides, the variables of Batch and the role', async () => {
  const { runs, ended, states } = batchWith({});

  const job = await ended();

  expect(job?.status).toBe('SUCCEEDED');
  expect(runs[0]).toMatchObject({
    timeoutSeconds: 60,
    environment: {
      AWS_REGION: 'eu-central-1',
      OVERRIDDEN: 'yes',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_BATCH_JOB_ID: job?.jobId,
      AWS_BATCH_JOB_ATTEMPT: '1',
      AWS_BATCH_JQ_NAME: 'heart-bonn',
    },
  });
  expect(states()).toEqual(['SUBMITTED', 'RUNNABLE', 'STARTING', 'RUNNING', 'SUCCEEDED']);
});

test.each<[string, readonly Partial<ContainerEnd>[], number, string]>([
  ['an exit code that a retry may help', [{ exitCode: 1 }, {}], 2, 'SUCCEEDED'],
  ['the last attempt', [{ exitCode: 1 }, { exitCode: 1 }, { exitCode: 1 }], 3, 'FAILED'],
  ['an exit code that ends the job', [{ exitCode: 2 }], 1, 'FAILED'],
  ['the time-out of an attempt', [{ exitCode: 143, timedOut: true }], 1, 'FAILED'],
])('after %s', async (_, ends, attempts, status) => {
  const { ended, states } = batchWith(...ends);

  const job = await ended();

  expect(job).toMatchObject({ status, attempts: { length: attempts } });
  expect(states().filter((state) => state === 'FAILED')).toHaveLength(status === 'FAILED' ? 1 : 0);
});

test('finds a job by its id, and by its name in its own queue', async () => {
  const { call, ended } = batchWith({ exitCode: 137 });
  const job = await ended();
  const filters = [{ name: 'JOB_NAME', values: ['FIRST'] }];

  const described = await call('/v1/describejobs', { jobs: [job?.jobId] });
  const listed = await call('/v1/listjobs', { jobQueue: QUEUE.arn, filters });
  const elsewhere = await call('/v1/listjobs', { jobQueue: 'other', filters });

  expect(described.body.jobs).toMatchObject([{ jobName: 'first', container: { exitCode: 0 } }]);
  expect(listed.body.jobSummaryList).toMatchObject([{ jobId: job?.jobId }]);
  expect(elsewhere.body.jobSummaryList).toEqual([]);
});

test('a job waits as RUNNABLE until hosts can start containers', async () => {
  const { batch, call, states } = batchWith({});
  canRun = () => false;

  await call('/v1/submitjob', REQUEST);
  const active = await call('/v1/listjobs', { jobQueue: 'heart-bonn', jobStatus: 'RUNNABLE' });
  canRun = () => true;
  batch.wake();
  await expect.poll(() => batch.active()).toBe(0);

  expect(active.body.jobSummaryList).toHaveLength(1);
  expect(states()).toEqual(['SUBMITTED', 'RUNNABLE', 'STARTING', 'RUNNING', 'SUCCEEDED']);
});

test('refuses a queue or a definition that no template has', async () => {
  const { call } = batchWith();

  expect(await call('/v1/submitjob', { ...REQUEST, jobQueue: 'none' })).toMatchObject({ status: 400 });
  expect(await call('/v1/submitjob', { ...REQUEST, jobDefinition: 'none' })).toMatchObject({ status: 400 });
});

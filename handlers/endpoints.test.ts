import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createJobWatch } from '../lib/aws/job-watch.ts';
import { createOnDemandStack } from '../lib/aws/on-demand-stack.ts';
import { type FakeBatch, type FakeJob, startFakeBatch } from '../lib/aws/testing-batch.ts';
import { startFakeCloudFormation } from '../lib/aws/testing-cloudformation.ts';
import { type EndpointsContext, nextStep, reconcileEndpoints } from './endpoints.ts';

const STACK = 'heart-network-endpoints';
const MINUTE = 60_000;

let batch: FakeBatch;
let cloudFormation: Awaited<ReturnType<typeof startFakeCloudFormation>>;
let context: EndpointsContext;
let lines: string[];
beforeEach(async () => {
  batch = await startFakeBatch();
  cloudFormation = await startFakeCloudFormation();
  lines = [];
  context = {
    jobs: createJobWatch({ endpoint: batch.endpoint, queuePrefix: 'heart-' }),
    stack: createOnDemandStack({
      endpoint: cloudFormation.endpoint,
      stackName: STACK,
      templateUrl: 'https://s3.eu-central-1.amazonaws.com/assets/template.json',
      roleArn: 'arn:aws:iam::111122223333:role/endpoints',
    }),
    now: () => new Date(),
    log: (event) => lines.push(event),
  };
});
afterEach(async () => {
  await batch.close();
  await cloudFormation.close();
});

function addJob(status: string, jobQueue = 'heart-bonn', more: Partial<FakeJob> = {}): FakeJob {
  const job = { jobId: randomUUID(), jobName: 'j', createdAt: Date.now(), request: { jobQueue }, status, ...more };
  batch.jobs.unshift(job);
  return job;
}
const reconcile = (minutesLater = 0) =>
  reconcileEndpoints({ ...context, now: () => new Date(Date.now() + minutesLater * MINUTE) });
const status = () => cloudFormation.stacks.get(STACK);

describe('endpoints', () => {
  test.each(['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'])(
    'exist for a job that is %s',
    async (active) => {
      addJob('SUCCEEDED', 'heart-bonn', { stoppedAt: 0, createdAt: 0 });
      await reconcile();
      expect(cloudFormation.created).toEqual([]);

      addJob(active, 'heart-ulm');
      await reconcile();

      expect(cloudFormation.created).toMatchObject([
        {
          StackName: STACK,
          TemplateURL: 'https://s3.eu-central-1.amazonaws.com/assets/template.json',
          RoleARN: 'arn:aws:iam::111122223333:role/endpoints',
        },
      ]);
    },
  );

  test('do not exist for jobs of other federations', async () => {
    addJob('RUNNING', 'lung-bonn');
    addJob('RUNNING', 'heartland');

    await reconcile();

    expect(status()).toBeUndefined();
  });

  test('are created once, however many events come at the same time', async () => {
    addJob('SUBMITTED');

    await Promise.all(Array.from({ length: 8 }, () => reconcile()));
    cloudFormation.settle();
    await Promise.all(Array.from({ length: 8 }, () => reconcile()));

    expect(cloudFormation.created).toHaveLength(1);
    expect(status()).toBe('CREATE_COMPLETE');
  });

  test('stay for an hour after the last job, and no longer', async () => {
    const job = addJob('RUNNING');
    await reconcile();
    cloudFormation.settle();
    Object.assign(job, { status: 'FAILED', stoppedAt: Date.now() });

    await reconcile(59);
    expect(status()).toBe('CREATE_COMPLETE');

    await reconcile(61);
    expect(status()).toBe('DELETE_IN_PROGRESS');
  });

  test('stay if a job ends while another starts', async () => {
    const job = addJob('RUNNING');
    await reconcile();
    cloudFormation.settle();

    Object.assign(job, { status: 'SUCCEEDED', stoppedAt: Date.now() - 90 * MINUTE });
    addJob('STARTING', 'heart-graz');
    await reconcile();

    expect(status()).toBe('CREATE_COMPLETE');
  });

  test('are created again for a job that was submitted during their deletion', async () => {
    addJob('RUNNING');
    await reconcile();
    cloudFormation.settle();
    await context.stack.delete();

    await reconcile();
    expect(status()).toBe('DELETE_IN_PROGRESS');
    cloudFormation.settle();
    await reconcile();

    expect(status()).toBe('CREATE_IN_PROGRESS');
    expect(lines).toEqual(['endpoints-create', 'endpoints-wait', 'endpoints-create']);
  });

  test('are created again after a creation that failed, and deleted again after a deletion that failed', async () => {
    const job = addJob('RUNNABLE');
    await reconcile();
    cloudFormation.settle('fail');
    expect(status()).toBe('ROLLBACK_COMPLETE');

    await reconcile();
    cloudFormation.settle('fail');
    expect(status()).toBe('DELETE_FAILED');
    await reconcile();
    cloudFormation.settle();
    await reconcile();
    cloudFormation.settle();
    expect(status()).toBe('CREATE_COMPLETE');

    Object.assign(job, { status: 'SUCCEEDED', stoppedAt: 0 });
    await reconcile();
    cloudFormation.settle();
    expect(status()).toBeUndefined();
  });

  test('are created in spite of throttling', async () => {
    addJob('SUBMITTED');
    cloudFormation.throttle(2);

    await reconcile();

    expect(status()).toBe('CREATE_IN_PROGRESS');
  });

  test('are not deleted when Batch does not answer: the invocation fails', async () => {
    addJob('RUNNING');
    await reconcile();
    cloudFormation.settle();
    const away = createJobWatch({ endpoint: 'http://127.0.0.1:9', queuePrefix: 'heart-' });

    await expect(reconcileEndpoints({ ...context, jobs: away })).rejects.toMatchObject({
      code: expect.stringMatching(/^STORAGE/),
    });

    expect(status()).toBe('CREATE_COMPLETE');
  }, 60_000);
});

test.each([
  [undefined, 'create', 'keep'],
  ['CREATE_IN_PROGRESS', 'wait', 'wait'],
  ['CREATE_COMPLETE', 'keep', 'delete'],
  ['UPDATE_COMPLETE', 'keep', 'delete'],
  ['DELETE_IN_PROGRESS', 'wait', 'wait'],
  ['ROLLBACK_IN_PROGRESS', 'wait', 'wait'],
  ['ROLLBACK_COMPLETE', 'delete', 'delete'],
  ['ROLLBACK_FAILED', 'delete', 'delete'],
  ['CREATE_FAILED', 'delete', 'delete'],
  ['DELETE_FAILED', 'delete', 'delete'],
] as const)('a stack that is %s: %s if jobs need it, else %s', (of, needed, idle) => {
  expect([nextStep(of, true), nextStep(of, false)]).toEqual([needed, idle]);
});

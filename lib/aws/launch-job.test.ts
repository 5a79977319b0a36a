import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { siteKeys } from '../federation/keys.ts';
import type { SiteStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { type BatchQueue, createBatchQueue } from './batch.ts';
import { launchBatchJob } from './launch-job.ts';
import { type FakeBatch, startFakeBatch } from './testing-batch.ts';

const CREDENTIALS = { accessKeyId: 'a', secretAccessKey: 'b' };
const REQUEST = {
  name: 'tavi_student_0001_munich',
  environment: { FEDCARDIO_TASK: '{"schema":"fedcardio.task/1"}' },
  timeoutSeconds: 1234.5,
};

let batch: FakeBatch;
let queue: BatchQueue;
let store: SiteStore;
let clock: number;
const now = () => new Date(clock);
const launch = (
  request: Partial<typeof REQUEST> & { readonly againAfterSeconds?: number } = {},
  of = store,
  on = queue,
) =>
  launchBatchJob(
    { queue: on, now },
    {
      ...REQUEST,
      claim: { store: of, key: siteKeys.job({ campaign: 'tavi', stage: 'student', round: 1 }) },
      ...request,
    },
  );
const submitted = () => batch.calls.filter((path) => path === '/v1/submitjob').length;

beforeEach(async () => {
  batch = await startFakeBatch();
  clock = Date.UTC(2026, 0, 1);
  store = createMemoryStorage()('site');
  queue = createBatchQueue({
    endpoint: batch.endpoint,
    region: 'eu-central-1',
    credentials: CREDENTIALS,
    jobQueue: 'arn:queue',
    jobDefinition: 'arn:definition',
  });
});
afterEach(() => batch.close());

describe('a Batch job', () => {
  test('is submitted with its name, environment and time-out', async () => {
    const { kind } = await launch();

    expect(kind).toBe('started');
    expect(batch.jobs.map(({ request }) => request)).toEqual([
      {
        jobName: REQUEST.name,
        jobQueue: 'arn:queue',
        jobDefinition: 'arn:definition',
        containerOverrides: { environment: [{ name: 'FEDCARDIO_TASK', value: REQUEST.environment.FEDCARDIO_TASK }] },
        timeout: { attemptDurationSeconds: 1235 },
      },
    ]);
  });

  test('has no less time than Batch gives, however late it is', async () => {
    await launch({ timeoutSeconds: -5000 });
    expect(batch.jobs[0]?.request.timeout).toEqual({ attemptDurationSeconds: 60 });
  });

  test.each(['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'])(
    'is not started again while it is %s',
    async (status) => {
      const first = await launch();
      batch.jobs[0]!.status = status;
      clock += 86_400_000;

      expect(await launch()).toEqual({ ...first, kind: 'running' });
      expect(submitted()).toBe(1);
    },
  );

  test('is started once by twenty that want it at the same time', async () => {
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => launch()))).map(({ kind }) => kind);

    expect(kinds.filter((kind) => kind === 'started')).toHaveLength(1);
    expect(new Set(kinds)).toEqual(new Set(['started', 'claimed']));
    expect(submitted()).toBe(1);
  });

  test('is started again where it has succeeded and somebody says that its work is not done', async () => {
    await launch();
    batch.jobs[0]!.status = 'SUCCEEDED';

    expect((await launch()).kind).toBe('started');
    expect(submitted()).toBe(2);
  });

  test('is started again where Batch has forgotten it', async () => {
    await launch();
    batch.jobs.length = 0;
    expect((await launch()).kind).toBe('started');
  });

  test('that failed is reported as that, with the reason, for ever', async () => {
    await launch();
    Object.assign(batch.jobs[0]!, { status: 'FAILED', statusReason: 'Host EC2 (instance i-1) terminated.' });
    clock += 365 * 86_400_000;

    expect(await launch()).toMatchObject({ kind: 'failed', reason: 'Host EC2 (instance i-1) terminated.' });
    expect(submitted()).toBe(1);
  });

  test('that failed is started again when its time has come', async () => {
    await launch();
    batch.jobs[0]!.status = 'FAILED';
    const again = { againAfterSeconds: 900 };

    expect(await launch(again)).toMatchObject({ kind: 'failed' });
    clock += 1000 * 1000;
    expect(await launch(again)).toMatchObject({ kind: 'started' });
    expect(await launch(again)).toMatchObject({ kind: 'running' });
  });
});

describe('a crash', () => {
  test('after the claim and before the job leaves the job to whoever comes when the claim has run out', async () => {
    const crash = { ...queue, submit: () => Promise.reject(new Error('the process died')) };
    await expect(launch({}, store, crash)).rejects.toThrow('died');

    expect(await launch()).toEqual({ kind: 'claimed' });
    clock += 91_000;
    expect((await launch()).kind).toBe('started');
    expect(submitted()).toBe(1);
  });

  test('after the job and before its number was noted does not start it twice', async () => {
    let puts = 0;
    const crash: SiteStore = {
      ...store,
      put: (...args) => (++puts === 2 ? Promise.reject(new Error('the process died')) : store.put(...args)),
    };
    await expect(launch({}, crash)).rejects.toThrow('died');
    clock += 91_000;

    expect(await launch()).toEqual({ kind: 'running', jobId: batch.jobs[0]?.jobId });
    expect(await launch()).toEqual({ kind: 'running', jobId: batch.jobs[0]?.jobId });
    expect(submitted()).toBe(1);
    expect(batch.calls.filter((path) => path === '/v1/listjobs')).toHaveLength(1);
  });

  test('is what a lost answer of SubmitJob looks like: it is not repeated, and the job is found', async () => {
    batch.fail('lose-answer');
    await expect(launch()).rejects.toMatchObject({ code: 'STORAGE' });
    expect(submitted()).toBe(1);
    clock += 91_000;

    expect(await launch()).toEqual({ kind: 'running', jobId: batch.jobs[0]?.jobId });
    expect(submitted()).toBe(1);
  });
});

describe('a claim', () => {
  test('whose write was answered with its own success is its own', async () => {
    const lossy: SiteStore = {
      ...store,
      put: async (...args) => {
        await store.put(...args);
        return store.put(...args);
      },
    };
    expect((await launch({}, lossy)).kind).toBe('started');
    expect(submitted()).toBe(1);
  });

  test('does not mistake a job of nearly the same name for its own', async () => {
    await queue.submit({ ...REQUEST, name: REQUEST.name.toUpperCase() });
    const crash = { ...queue, submit: () => Promise.reject(new Error('the process died')) };
    await expect(launch({}, store, crash)).rejects.toThrow('died');
    clock += 91_000;
    expect((await launch()).kind).toBe('started');
  });
});

describe('Batch', () => {
  test('is asked again, more slowly, when it is asked too often', async () => {
    batch.fail('throttle', 'throttle');
    expect((await launch()).kind).toBe('started');
    expect(submitted()).toBe(3);
  });

  test('that goes on refusing fails the message, which comes again', async () => {
    const impatient = createBatchQueue({
      endpoint: batch.endpoint,
      region: 'eu-central-1',
      credentials: CREDENTIALS,
      jobQueue: 'q',
      jobDefinition: 'd',
      maxAttempts: 2,
    });
    batch.fail('throttle', 'throttle');
    await expect(launch({}, store, impatient)).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringContaining('TooManyRequestsException'),
    });
    clock += 91_000;
    expect((await launch()).kind).toBe('started');
  });

  test('that refuses a job is not asked again', async () => {
    batch.fail('refuse');
    await expect(launch()).rejects.toMatchObject({ code: 'STORAGE', message: expect.stringContaining(REQUEST.name) });
    expect(submitted()).toBe(1);
  });

  test('is not asked for what is too long for ECS', async () => {
    await expect(launch({ environment: { FEDCARDIO_TASK: 'ü'.repeat(4100) } })).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      message: expect.stringMatching(/8\d{3} bytes, ECS takes 8192/),
    });
    expect(submitted()).toBe(0);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBatchQueue } from '../aws/batch.ts';
import { type FakeBatch, startFakeBatch } from '../aws/testing-batch.ts';
import { siteKeys } from '../federation/keys.ts';
import type { BatchQueue, SiteStore } from './contract.ts';
import { launchBatchJob } from './launch-job.ts';
import { createMemoryStorage } from './testing-objects.ts';

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
  request: Partial<typeof REQUEST> & { readonly resubmitAfterSeconds?: number } = {},
  claims = store,
  jobs = queue,
) =>
  launchBatchJob(
    { queue: jobs, now },
    {
      ...REQUEST,
      claim: { store: claims, key: siteKeys.job({ campaign: 'tavi', stage: 'student', round: 1 }) },
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
  test('is submitted with its name, environment and timeout', async () => {
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

  test("has at least Batch's minimum timeout, even after the deadline", async () => {
    await launch({ timeoutSeconds: -5000 });
    expect(batch.jobs[0]?.request.timeout).toEqual({ attemptDurationSeconds: 60 });
  });

  test.each(['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'])(
    'is not submitted again while it is %s',
    async (status) => {
      const first = await launch();
      batch.jobs[0]!.status = status;
      clock += 86_400_000;

      expect(await launch()).toEqual({ ...first, kind: 'running' });
      expect(submitted()).toBe(1);
    },
  );

  test('is submitted once by twenty concurrent callers', async () => {
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => launch()))).map(({ kind }) => kind);

    expect(kinds.filter((kind) => kind === 'started')).toHaveLength(1);
    expect(new Set(kinds)).toEqual(new Set(['started', 'claimed']));
    expect(submitted()).toBe(1);
  });

  test('is submitted again after it succeeded', async () => {
    await launch();
    batch.jobs[0]!.status = 'SUCCEEDED';

    expect((await launch()).kind).toBe('started');
    expect(submitted()).toBe(2);
  });

  test('is submitted again if Batch no longer knows it', async () => {
    await launch();
    batch.jobs.length = 0;
    expect((await launch()).kind).toBe('started');
  });

  test('is not submitted again after it failed, and its reason is reported', async () => {
    await launch();
    const end = { statusReason: 'Essential container in task exited', container: { exitCode: 1 } };
    Object.assign(batch.jobs[0]!, { status: 'FAILED', ...end });
    clock += 365 * 86_400_000;

    expect(await launch()).toMatchObject({ kind: 'failed', reason: 'Essential container in task exited' });
    expect(submitted()).toBe(1);
  });

  test.each([
    ['its host', { statusReason: 'Host EC2 (instance i-1) terminated.' }],
    ['its storage', { statusReason: 'Essential container in task exited', container: { exitCode: 75 } }],
  ])('is submitted again after it failed because it lost %s', async (_, end) => {
    await launch();
    Object.assign(batch.jobs[0]!, { status: 'FAILED', ...end });

    expect((await launch()).kind).toBe('started');
    expect((await launch()).kind).toBe('running');
    expect(submitted()).toBe(2);
  });

  test('is submitted again after it failed and resubmitAfterSeconds have passed', async () => {
    await launch();
    batch.jobs[0]!.status = 'FAILED';
    const again = { resubmitAfterSeconds: 900 };

    expect(await launch(again)).toMatchObject({ kind: 'failed' });
    clock += 1000 * 1000;
    expect(await launch(again)).toMatchObject({ kind: 'started' });
    expect(await launch(again)).toMatchObject({ kind: 'running' });
  });
});

describe('a crash', () => {
  test('between claim and submission leaves the job to the next caller after the claim expires', async () => {
    const crash = { ...queue, submit: () => Promise.reject(new Error('the process died')) };
    await expect(launch({}, store, crash)).rejects.toThrow('died');

    expect(await launch()).toEqual({ kind: 'claimed' });
    clock += 91_000;
    expect((await launch()).kind).toBe('started');
    expect(submitted()).toBe(1);
  });

  test.each([
    [119, 'claimed'],
    [121, 'started'],
    [31_536_000, 'started'],
  ])('with a claim that ends in %i seconds: %s', async (ahead, kind) => {
    const until = new Date(clock + ahead * 1000).toISOString();
    const claim = { schema: 'fedcardio.job/1', name: REQUEST.name, holder: 'other', until, jobId: null };
    await store.put(siteKeys.job({ campaign: 'tavi', stage: 'student', round: 1 }), JSON.stringify(claim));

    expect(await launch()).toMatchObject({ kind });
  });

  test('between submission and the recording of the job id does not submit it twice', async () => {
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

  test('that leaves a claim which cannot be read does not submit it twice', async () => {
    await launch();
    const key = siteKeys.job({ campaign: 'tavi', stage: 'student', round: 1 });
    await store.put(key, '{');

    expect((await launch()).kind).toBe('running');
    expect(submitted()).toBe(1);
    expect((await launch()).kind).toBe('running');
  });

  test('after a lost response of SubmitJob does not submit it twice', async () => {
    batch.fail('lose-answer');
    await expect(launch()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    expect(submitted()).toBe(1);
    clock += 91_000;

    expect(await launch()).toEqual({ kind: 'running', jobId: batch.jobs[0]?.jobId });
    expect(submitted()).toBe(1);
  });
});

describe('a claim', () => {
  test('is its own if the write failed on its own success', async () => {
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

  test('ignores a job whose name differs only in case', async () => {
    await queue.submit({ ...REQUEST, name: REQUEST.name.toUpperCase() });
    const crash = { ...queue, submit: () => Promise.reject(new Error('the process died')) };
    await expect(launch({}, store, crash)).rejects.toThrow('died');
    clock += 91_000;
    expect((await launch()).kind).toBe('started');
  });
});

describe('Batch', () => {
  test('is called again, with delays, when it throttles', async () => {
    batch.fail('throttle', 'throttle');
    expect((await launch()).kind).toBe('started');
    expect(submitted()).toBe(3);
  });

  test('that keeps throttling fails the call, and a later one succeeds', async () => {
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
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('TooManyRequestsException'),
    });
    clock += 91_000;
    expect((await launch()).kind).toBe('started');
  });

  test('that rejects a job is not called again', async () => {
    batch.fail('refuse');
    await expect(launch()).rejects.toMatchObject({ code: 'STORAGE', message: expect.stringContaining(REQUEST.name) });
    expect(submitted()).toBe(1);
  });

  test('is not called with overrides that are too long for ECS', async () => {
    await expect(launch({ environment: { FEDCARDIO_TASK: 'ü'.repeat(4100) } })).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      message: expect.stringMatching(/8\d{3} bytes, ECS accepts 8192/),
    });
    expect(submitted()).toBe(0);
  });
});

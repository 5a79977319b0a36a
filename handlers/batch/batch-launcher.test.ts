import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBatchQueue } from '../../lib/aws/batch.ts';
import { type FakeBatch, startFakeBatch } from '../../lib/aws/testing-batch.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { controlSchema, type GpuTaskMessage, jobSchema, updateSchema } from '../../lib/federation/schemas.ts';
import { gpuTaskMessage } from '../../lib/federation/testing.ts';
import { storeConsent } from '../../lib/protocol/testing.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { type SimulatedFederation, simulateFederation } from '../../test/protocol/simulated-federation.ts';
import { dispatch } from '../dispatch.ts';
import { createBatchLauncher } from './batch-launcher.ts';
import { jobName } from './job-name.ts';

/** The round's deadline is one day after the start of the simulated clock. */
const MESSAGE = gpuTaskMessage({ stage: 'teacher/hinge-points', round: 3 });

let batch: FakeBatch;
let world: SimulatedFederation;
beforeEach(async () => {
  batch = await startFakeBatch();
  world = simulateFederation([{ id: 'berlin', samples: 1, behaviour: 'good' }]);
  for (const site of ['berlin', 'munich']) await storeConsent(world.context, { site });
});
afterEach(() => batch.close());

/** Handles a message as Lambda does. Returns whether SQS would deliver it again. */
async function send(message: GpuTaskMessage, ApproximateReceiveCount = '1'): Promise<boolean> {
  const queue = createBatchQueue({
    endpoint: batch.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    jobQueue: 'queue',
    jobDefinition: 'definition',
    maxAttempts: 1,
  });
  const launcher = createBatchLauncher({ ...world.context, queue, site: 'berlin' });
  const record = { messageId: 'm', body: JSON.stringify(message), attributes: { ApproximateReceiveCount } };
  const { batchItemFailures } = await dispatch({ Records: [record] }, { ...world.context, launcher });
  return batchItemFailures.length > 0;
}
const failure = () =>
  readJson(world.context.federationStore, federationKeys.update(MESSAGE, 'berlin', 'failed'), updateSchema);

describe('dispatch on AWS Batch', () => {
  test('starts a job with the message, and records the job in the bucket of the site', async () => {
    expect(await send(MESSAGE)).toBe(false);

    const [job] = batch.jobs;
    expect(job?.jobName).toBe('tavi_teacher__hinge-points_0003_berlin');
    const { containerOverrides, timeout } = job!.request as {
      containerOverrides: { environment: { name: string; value: string }[] };
      timeout: { attemptDurationSeconds: number };
    };
    expect(JSON.parse(containerOverrides.environment[0]!.value)).toEqual(MESSAGE);
    expect(timeout.attemptDurationSeconds).toBe(86_400);
    const claim = await readJson(world.context.siteStore('berlin'), siteKeys.job(MESSAGE), jobSchema);
    expect(claim.value).toMatchObject({ name: job?.jobName, jobId: job?.jobId });
  });

  test('starts one job however often the message is delivered', async () => {
    for (const count of ['1', '2', '3']) expect(await send(MESSAGE, count)).toBe(false);
    expect(await send({ ...MESSAGE, resent: true })).toBe(false);
    expect(batch.jobs).toHaveLength(1);
  });

  test('starts the job of a throttled message on redelivery', async () => {
    batch.fail('throttle');
    expect(await send(MESSAGE)).toBe(true);
    world.advanceClock(360);
    expect(await send(MESSAGE, '2')).toBe(false);
    expect(batch.jobs).toHaveLength(1);
  });

  test('records the failure of a job whose event was lost', async () => {
    await send(MESSAGE);
    Object.assign(batch.jobs[0]!, { status: 'FAILED', statusReason: 'Essential container in task exited' });
    world.advanceClock(900);

    expect(await send({ ...MESSAGE, resent: true })).toBe(false);

    expect((await failure()).value).toMatchObject({
      status: 'failed',
      code: 'JOB_FAILED',
      reason: 'Essential container in task exited',
    });
    expect(batch.jobs).toHaveLength(1);
  });

  test('records a failure if a message is too long for a job, so that its round need not wait for the deadline', async () => {
    const patterns = Array.from({ length: 400 }, (_, i) => `body.a-long-name-of-a-layer.${i}.*`);
    const { config } = MESSAGE;
    if (config.kind !== 'teacher') throw new Error('The config is not of a teacher.');
    const long = { ...MESSAGE, config: { ...config, training: { ...config.training, localParameters: patterns } } };

    expect(await send(long)).toBe(false);

    expect((await failure()).value).toMatchObject({ code: 'BAD_MESSAGE', reason: expect.stringContaining('8192') });
    expect(batch.jobs).toEqual([]);
  });

  test('extends the time limit of a GPU task by a pause', async () => {
    world.advanceClock(100_000);
    const from = new Date(Date.parse(MESSAGE.at) + 3_600_000).toISOString();
    const until = new Date(Date.parse(from) + 50_000_000).toISOString();
    const control = controlSchema.parse({ schema: 'fedcardio.control/1', campaign: 'tavi', pauses: [{ from, until }] });
    await world.context.federationStore.put(federationKeys.control('tavi'), JSON.stringify(control));

    await send({ ...MESSAGE, resent: true });

    expect(batch.jobs[0]?.request.timeout).toEqual({ attemptDurationSeconds: 86_400 - 100_000 + 50_000 });
  });

  test('fails on a message for another site', async () => {
    expect(await send({ ...MESSAGE, site: 'munich' })).toBe(true);
    expect(world.log.at(-1)?.fields).toMatchObject({ reason: expect.stringContaining('munich'), site: 'munich' });
    expect(batch.jobs).toEqual([]);
  });
});

describe('jobName', () => {
  test('gives a different, valid name to every GPU task and merge', () => {
    const names = [
      jobName({ campaign: 'a', stage: 'b/c', round: 1 }, 'd'),
      jobName({ campaign: 'a', stage: 'b-c', round: 1 }, 'd'),
      jobName({ campaign: 'a-b', stage: 'c', round: 1 }, 'd'),
      jobName({ campaign: 'a', stage: 'b', round: 1 }, 'c-d'),
      jobName({ campaign: 'a', stage: 'b', round: 11 }, 'c'),
      jobName({ campaign: 'a', stage: 'b', round: 1 }),
      jobName({ campaign: 'a', stage: 'x'.repeat(200), round: 1 }, 'c'),
      jobName({ campaign: 'a', stage: 'x'.repeat(200), round: 1 }, 'd'),
    ];
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9][A-Za-z0-9_-]{0,127}$/);
  });
});

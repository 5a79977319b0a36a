import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { federationKeys } from '../lib/federation/keys.ts';
import { gpuTaskMessageSchema, updateSchema } from '../lib/federation/schemas.ts';
import { readJson } from '../lib/storage/documents.ts';
import { type SimulatedFederation, simulateFederation } from '../test/protocol/simulated-federation.ts';
import { jobFailed } from './job-failed.ts';

const example = () =>
  JSON.parse(readFileSync(new URL('../docs/events/batch-job-failed.json', import.meta.url), 'utf8'));
const MESSAGE = gpuTaskMessageSchema.parse(JSON.parse(example().detail.container.environment[0].value));
const KEY = federationKeys.update(MESSAGE, MESSAGE.site, 'failed');

let world: SimulatedFederation;
beforeEach(() => {
  world = simulateFederation([{ id: MESSAGE.site, samples: 1, behaviour: 'good' }]);
});

describe('jobFailed', () => {
  test('records the failure with the reasons of Batch', async () => {
    await jobFailed(example(), world.context);

    const { value } = await readJson(world.context.federationStore, KEY, updateSchema);
    expect(value).toMatchObject({
      status: 'failed',
      code: 'JOB_FAILED',
      site: MESSAGE.site,
      round: MESSAGE.round,
      reason: 'The Batch job of the GPU task failed: Essential container in task exited; exit code 1.',
    });
  });

  test('records the failure once, however often the event is delivered', async () => {
    for (let times = 0; times < 3; times++) await jobFailed(example(), world.context);
    expect(world.writes.get(KEY)).toBe(1);
  });

  test.each([
    ['its site has answered', federationKeys.update(MESSAGE, MESSAGE.site, 'a'.repeat(64))],
    ['its round is sealed', federationKeys.seal(MESSAGE)],
    ['its campaign has ended', federationKeys.outcome(MESSAGE.campaign)],
  ])('records nothing if %s', async (_, key) => {
    await world.context.federationStore.put(key, '{}');
    await jobFailed(example(), world.context);
    expect(world.writes.get(KEY)).toBeUndefined();
  });

  test.each([
    ['never started an attempt', { attempts: [], statusReason: 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT' }],
    ['reached its time limit', { statusReason: 'Job attempt duration exceeded timeout' }],
  ])('records the failure of a job that %s', async (_, detail) => {
    const event = example();
    await jobFailed({ ...event, detail: { ...event.detail, ...detail } }, world.context);
    const { value } = await readJson(world.context.federationStore, KEY, updateSchema);
    expect(value.status === 'failed' && value.reason).toContain(detail.statusReason);
  });

  test.each([
    ['with its storage', { container: { exitCode: 75 } }],
    ['with its host', { statusReason: 'Host EC2 (instance i-0123456789abcdef0) terminated.' }],
  ])('records nothing if the job was lost %s, because the GPU task has not answered', async (_, end) => {
    const event = example();
    const attempts = [...event.detail.attempts.slice(0, -1), end];
    await jobFailed({ ...event, detail: { ...event.detail, attempts } }, world.context);

    expect(world.writes.get(KEY)).toBeUndefined();
    expect(world.log.at(-1)).toMatchObject({ event: 'job-lost', fields: { site: MESSAGE.site } });
  });

  test('ignores a job that has not failed', async () => {
    const event = example();
    await jobFailed({ ...event, detail: { ...event.detail, status: 'RUNNING' } }, world.context);
    expect(world.writes.get(KEY)).toBeUndefined();
  });

  test.each([
    ['an event of another source', { source: 'aws.ec2' }, 'the event: source: '],
    [
      'a job of another program',
      { detail: { jobId: 'j', jobName: 'backup', status: 'FAILED' } },
      'FEDCARDIO_TASK of job backup',
    ],
  ])('fails on %s with a reason', async (_, change, reason) => {
    await expect(jobFailed({ ...example(), ...change }, world.context)).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      message: expect.stringContaining(reason),
    });
  });
});

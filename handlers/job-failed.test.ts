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

describe("a site's Batch job that failed", () => {
  test('answers its round in its place, with what Batch says', async () => {
    await jobFailed(example(), world.context);

    const { value } = await readJson(world.context.federationStore, KEY, updateSchema);
    expect(value).toMatchObject({
      status: 'failed',
      code: 'JOB_FAILED',
      site: MESSAGE.site,
      round: MESSAGE.round,
      reason: "The task's job failed: Essential container in task exited; exit code 1.",
    });
  });

  test('does so once, however often its event comes', async () => {
    for (let times = 0; times < 3; times++) await jobFailed(example(), world.context);
    expect(world.writes.get(KEY)).toBe(1);
  });

  test.each([
    ['its site has answered', federationKeys.update(MESSAGE, MESSAGE.site, 'a'.repeat(64))],
    ['its round is sealed', federationKeys.seal(MESSAGE)],
    ['its campaign has ended', federationKeys.outcome(MESSAGE.campaign)],
  ])('adds nothing when %s', async (_, key) => {
    await world.context.federationStore.put(key, '{}');
    await jobFailed(example(), world.context);
    expect(world.writes.get(KEY)).toBeUndefined();
  });

  test.each([
    ['never got as far as an attempt', { attempts: [], statusReason: 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT' }],
    ['took longer than its deadline allowed', { statusReason: 'Job attempt duration exceeded timeout' }],
  ])('is told of too when it %s', async (_, detail) => {
    const event = example();
    await jobFailed({ ...event, detail: { ...event.detail, ...detail } }, world.context);
    const { value } = await readJson(world.context.federationStore, KEY, updateSchema);
    expect(value.status === 'failed' && value.reason).toContain(detail.statusReason);
  });

  test('has not failed while its event says otherwise', async () => {
    const event = example();
    await jobFailed({ ...event, detail: { ...event.detail, status: 'RUNNING' } }, world.context);
    expect(world.writes.get(KEY)).toBeUndefined();
  });

  test.each([
    ['an event of something else', { source: 'aws.ec2' }, 'the event: source: '],
    [
      'a job that is none of ours',
      { detail: { jobId: 'j', jobName: 'backup', status: 'FAILED' } },
      'FEDCARDIO_TASK of job backup',
    ],
  ])('fails on %s, and says why', async (_, change, reason) => {
    await expect(jobFailed({ ...example(), ...change }, world.context)).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      message: expect.stringContaining(reason),
    });
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBatchQueue } from '../../lib/aws/batch.ts';
import { type FakeBatch, startFakeBatch } from '../../lib/aws/testing-batch.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { commitSchema, mergeJobSchema, outcomeSchema } from '../../lib/federation/schemas.ts';
import { closeRound } from '../../lib/protocol/close-round.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { expectPlainMerges } from '../../test/protocol/plain-merges.ts';
import { campaignWith, QUORUM, smallCampaignWith } from '../../test/protocol/simulated-campaign.ts';
import { type SimulatedFederation, simulateFederation } from '../../test/protocol/simulated-federation.ts';
import type { SimulatedSite } from '../../test/protocol/simulated-site.ts';
import type { HandlerContext } from '../context.ts';
import { sweep } from '../sweep.ts';
import { mergeAsJobs } from './merges.ts';

const SITES: readonly SimulatedSite[] = ['berlin', 'hamburg'].map((id) => ({ id, samples: 1, behaviour: 'good' }));

let batch: FakeBatch;
let world: SimulatedFederation;
let context: HandlerContext;
function withLimit(maxBytes: number): HandlerContext {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const options = { endpoint: batch.endpoint, region: 'eu-central-1', credentials };
  const queue = createBatchQueue({ ...options, jobQueue: 'merges', jobDefinition: 'merge' });
  return { ...world.context, delegateMerge: mergeAsJobs({ ...world.context, queue, maxBytes }) };
}
beforeEach(async () => {
  batch = await startFakeBatch();
  world = simulateFederation(SITES);
  context = withLimit(1);
});
afterEach(() => batch.close());

/** Delivers pending events and messages with the given context until none is left. */
async function deliverAll(own: HandlerContext): Promise<void> {
  for (let next = world.pending.shift(); next; next = world.pending.shift())
    await world.deliver(next, { context: own });
}

/** Does the work of all submitted jobs. Returns their names. */
async function runJobs(): Promise<readonly string[]> {
  const waiting = batch.jobs.filter(({ status }) => status === 'SUBMITTED');
  for (const job of waiting) {
    const { containerOverrides } = job.request as { containerOverrides: { environment: { value: string }[] } };
    const at = mergeJobSchema.parse(JSON.parse(containerOverrides.environment[0]!.value));
    expect(await closeRound(world.context, at)).toBe('committed');
    job.status = 'SUCCEEDED';
  }
  return waiting.map(({ jobName }) => jobName);
}
const isCommitted = (key: string) => world.writes.has(key);

describe('merges too large for a function', () => {
  test('run as one job per round, with the same result as plain averaging', async () => {
    await world.upload(campaignWith(QUORUM));
    const jobs: string[] = [];
    let names: readonly string[];
    do {
      await deliverAll(context);
      names = await runJobs();
      jobs.push(...names);
    } while (names.length > 0);

    // One per training round: two of the teacher, two of the student, one of its control.
    expect(jobs).toHaveLength(5);
    expect(new Set(jobs).size).toBe(5);
    const outcome = await readJson(world.context.federationStore, federationKeys.outcome('tavi'), outcomeSchema);
    expect(outcome.value.status).toBe('completed');
    await expectPlainMerges(world, SITES);
  });

  test('are neither submitted again nor merged by the sweep while their job runs', async () => {
    await world.upload(smallCampaignWith(QUORUM));
    await deliverAll(context);
    for (let minutes = 0; minutes < 10; minutes++) {
      world.advanceClock(60);
      await sweep(context);
    }
    expect(batch.jobs).toHaveLength(1);
    expect([...world.writes.keys()].filter((key) => key.endsWith('commit.json'))).toEqual([]);
  });

  test('are retried 15 minutes after a failure, which is logged', async () => {
    await world.upload(smallCampaignWith(QUORUM));
    await deliverAll(context);
    batch.jobs[0]!.status = 'FAILED';
    world.advanceClock(120);
    await sweep(context);
    expect(batch.jobs).toHaveLength(1);
    const failed = world.log.find(({ event }) => event === 'merge-failed');
    expect(failed?.fields).toMatchObject({ campaign: 'tavi', stage: 'teacher', round: 1 });

    world.advanceClock(900);
    await sweep(context);
    expect(batch.jobs).toHaveLength(2);
    expect(await runJobs()).toHaveLength(1);
  });
});

describe('merges that fit', () => {
  test('run in the function itself', async () => {
    await world.upload(smallCampaignWith(QUORUM));
    await deliverAll(withLimit(1_000_000_000));
    expect(batch.jobs).toEqual([]);
    expect(isCommitted(federationKeys.outcome('tavi'))).toBe(true);
    const at = { campaign: 'tavi', stage: 'teacher', round: 1 };
    const commit = await readJson(world.context.federationStore, federationKeys.commit(at), commitSchema);
    expect(commit.value.sites).toEqual(['berlin', 'hamburg']);
  });
});

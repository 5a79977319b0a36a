import { describe, expect, test } from 'vitest';
import type { HandlerContext } from '../../handlers/context.ts';
import { sweep } from '../../handlers/sweep.ts';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys, type RoundAddress, UPDATE_SUFFIX } from '../../lib/federation/keys.ts';
import { openSchema, outcomeSchema, sealSchema } from '../../lib/federation/schemas.ts';
import { advanceCampaign } from '../../lib/protocol/advance.ts';
import { closeRound } from '../../lib/protocol/close-round.ts';
import { cancelCampaign, pauseCampaign, resumeCampaign } from '../../lib/protocol/control.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { claimLease } from '../../lib/storage/lease.ts';
import { asFederationRole } from '../helpers/roles.ts';
import { expectPlainMerges } from './plain-merges.ts';
import { campaignWith, QUORUM } from './simulated-campaign.ts';
import { type Delivery, type SimulatedFederation, simulateFederation } from './simulated-federation.ts';
import type { SimulatedSite } from './simulated-site.ts';

const CAMPAIGN = campaignWith(QUORUM);
const SITES: readonly SimulatedSite[] = [
  { id: 'berlin', samples: 3, behaviour: 'good' },
  { id: 'hamburg', samples: 1, behaviour: 'good' },
  { id: 'munich', samples: 9, behaviour: 'good' },
];
const withSite = (id: string, behaviour: SimulatedSite['behaviour']) =>
  SITES.map((site) => (site.id === id ? { ...site, behaviour } : site));

/** Delivers everything once, in order, until nothing is pending. */
async function deliverAll(world: SimulatedFederation): Promise<void> {
  for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next);
}

/** A context that calls `f` before the first write or range read of a matching key. */
function stalledAt(context: HandlerContext, matches: (key: string) => boolean, f: () => Promise<void>): HandlerContext {
  let happened = false;
  const wait = async (key: string) => {
    if (happened || !matches(key)) return;
    happened = true;
    await f();
  };
  const { federationStore } = context;
  return {
    ...context,
    federationStore: {
      ...federationStore,
      put: async (key, ...rest) => {
        await wait(key);
        return federationStore.put(key, ...rest);
      },
      getRange: async (key, ...rest) => {
        await wait(key);
        return federationStore.getRange(key, ...rest);
      },
      putIfAbsent: async (key, body) => {
        await wait(key);
        return federationStore.putIfAbsent(key, body);
      },
    },
  };
}

/** Runs all pending GPU tasks and delivers nothing else. */
async function runGpuTasks(world: SimulatedFederation): Promise<void> {
  const isTask = (delivery: Delivery) => delivery.kind === 'task' || delivery.queue.endsWith('-tasks');
  for (let at = world.pending.findIndex(isTask); at >= 0; at = world.pending.findIndex(isTask)) {
    for (const delivery of world.pending.splice(at, 1)) await world.deliver(delivery);
  }
}

const outcomeOf = async ({ context }: SimulatedFederation, campaign = 'tavi') =>
  (await tryReadJson(context.federationStore, federationKeys.outcome(campaign), outcomeSchema))?.value;

describe('a campaign', () => {
  test('runs from upload to outcome by events alone, with rounds that equal plain averaging', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);

    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    await expectPlainMerges(world, SITES);
    const status = await campaignStatus(world.context, 'tavi');
    expect(status).toMatchObject({ phase: 'completed', reason: undefined });
    expect(status?.stages.map(({ name, rounds, phase }) => [name, rounds.length, phase])).toEqual([
      ['teacher/hinge-points', 2, 'completed'],
      ['label', 1, 'completed'],
      ['student', 2, 'completed'],
      ['control', 1, 'completed'],
      ['evaluate', 1, 'completed'],
    ]);
    expect(status?.stages[0]?.rounds[1]).toMatchObject({
      updated: ['berlin', 'hamburg', 'munich'],
      waitingFor: [],
      figures: { loss: 0.5 },
    });
  });

  test('sends each GPU task once when nothing is lost', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    await deliverAll(world);
    await sweep(asFederationRole(world.context, 'sweep'));
    expect(world.log.filter(({ event }) => event === 'tasks-sent')).toHaveLength(7);
  });

  test('sends the GPU tasks of a round whose creation was retried after a lost answer', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    const { federationStore } = world.context;
    const putIfAbsent: typeof federationStore.putIfAbsent = async (...args) => {
      await federationStore.putIfAbsent(...args);
      return 'exists';
    };

    await advanceCampaign({ ...world.context, federationStore: { ...federationStore, putIfAbsent } }, 'tavi');

    expect(world.log.filter(({ event }) => event === 'tasks-sent')).toHaveLength(2);
  });

  test('waits for a silent site, reports it, and continues without it after the grace period', async () => {
    const world = simulateFederation(withSite('munich', 'silent'));
    await world.upload(CAMPAIGN);
    await deliverAll(world);
    const status = await campaignStatus(world.context, 'tavi');
    expect(status?.stages[0]?.rounds[0]).toMatchObject({
      phase: 'open',
      waitingFor: ['munich'],
      updated: ['berlin', 'hamburg'],
    });

    world.advanceClock(899);
    await sweep(asFederationRole(world.context, 'sweep'));
    await deliverAll(world);
    expect(world.log.filter(({ event }) => event === 'round-committed')).toEqual([]);
    world.advanceClock(1);
    await sweep(asFederationRole(world.context, 'sweep'));

    expect(world.log.filter(({ event }) => event === 'round-committed').map(({ fields }) => fields.stage)).toEqual([
      'teacher/hinge-points',
      'control',
    ]);
  });

  test('continues without a site whose GPU task failed or whose weights are not finite, and reports why', async () => {
    const sites = withSite('hamburg', 'fails').map((site) =>
      site.id === 'munich' ? { ...site, behaviour: 'diverges' as const } : site,
    );
    const world = simulateFederation(sites);
    await world.upload(CAMPAIGN);
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    await expectPlainMerges(world, sites);
    const status = await campaignStatus(world.context, 'tavi');
    expect(status?.stages[2]?.rounds[1]).toMatchObject({
      updated: ['berlin'],
      failed: [
        { site: 'hamburg', reason: 'TASK_FAILED: no GPU available', refused: false },
        { site: 'munich', reason: 'tensor "w" has values that are not finite', refused: true },
      ],
      late: [],
    });
  });

  test('fails, with the reason, when no site can send a usable update', async () => {
    const world = simulateFederation(SITES.map((site) => ({ ...site, behaviour: 'diverges' })));
    await world.upload(CAMPAIGN);
    await deliverAll(world);
    const outcome = await outcomeOf(world);
    expect(outcome).toMatchObject({ status: 'failed' });
    expect(outcome?.reason).toMatch(
      /^Round 1 of .* failed: 0 of 3 sites .* munich: tensor "w" has values that are not finite\.$/,
    );
  });

  test('fails at its deadline when nobody answers', async () => {
    const world = simulateFederation(SITES.map((site) => ({ ...site, behaviour: 'silent' })));
    await world.upload(CAMPAIGN);
    await deliverAll(world);
    world.advanceClock(86_400);
    await sweep(asFederationRole(world.context, 'sweep'));
    expect((await outcomeOf(world))?.reason).toMatch(/no answer from berlin, hamburg, munich by 2026-03-03/);
  });

  test('lists an update after the seal as late and does not merge it', async () => {
    const world = simulateFederation(withSite('munich', 'silent'));
    await world.upload(CAMPAIGN);
    await deliverAll(world);
    world.advanceClock(900);
    await sweep(asFederationRole(world.context, 'sweep'));
    const at = { campaign: 'tavi', stage: 'control', round: 1 };
    const key = federationKeys.update(at, 'munich', 'report');
    const update = { ...(await lastUpdate(world, at)), site: 'munich' };
    await world.context.federationStore.putIfAbsent(key, JSON.stringify(update));
    await deliverAll(world);

    const status = await campaignStatus(world.context, 'tavi');
    expect(status?.stages[3]?.rounds[0]).toMatchObject({
      updated: ['berlin', 'hamburg'],
      late: [{ site: 'munich', key }],
    });
  });

  describe('with two closers that list different updates', () => {
    const at = { campaign: 'tavi', stage: 'control', round: 1 };

    /**
     * One closer lists only berlin's update. It stalls at a matching request until its lease has expired and the other
     * sites have answered.
     */
    async function overtake(matches: (key: string) => boolean, other: (world: SimulatedFederation) => Promise<void>) {
      const world = simulateFederation(SITES);
      await world.upload(campaignWith({ ...QUORUM, minFraction: 0.3, closeAfterQuorumSeconds: 0 }));
      const prefix = federationKeys.siteUpdates(at, 'berlin');
      const answered = () =>
        [...world.writes.keys()].some((key) => key.startsWith(prefix) && key.endsWith(UPDATE_SUFFIX));
      while (!answered()) await world.deliver(world.pending.shift() as Delivery);
      const slow = stalledAt(world.context, matches, async () => {
        world.advanceClock(60);
        await runGpuTasks(world);
        await other(world);
      });

      expect(await closeRound(slow, at)).toBe('committed');
      await deliverAll(world);

      const seal = await readJson(world.context.federationStore, federationKeys.seal(at), sealSchema);
      expect(seal.value.updates.map(({ site }) => site)).toEqual(['berlin', 'hamburg', 'munich']);
      await expectPlainMerges(world, SITES);
    }

    test('the slower one overwrites nothing of a committed round', () =>
      overtake((key) => key.startsWith('updates/berlin/') && key.endsWith('.safetensors'), deliverAll));

    test('the slower one merges what the faster one sealed before it crashed', () =>
      overtake(
        (key) => key === federationKeys.seal(at),
        async ({ context }) => {
          const crashing = stalledAt(
            context,
            (key) => key === federationKeys.commit(at),
            () => Promise.reject(new Error('crashed')),
          );
          await expect(closeRound(crashing, at)).rejects.toThrow('crashed');
        },
      ));
  });

  test('is merged once by many concurrent callers', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    while (!world.pending.some(({ kind }) => kind === 'task')) await world.deliver(world.pending.shift() as Delivery);
    await runGpuTasks(world);
    const at = { campaign: 'tavi', stage: 'teacher/hinge-points', round: 1 };

    const results = await Promise.all(Array.from({ length: 20 }, () => closeRound(world.context, at)));

    expect(results.filter((result) => result === 'committed')).toHaveLength(1);
    expect(results.filter((result) => result === 'claimed')).toHaveLength(19);
    const merges = [...world.writes].filter(
      ([key]) => key.startsWith(federationKeys.models(at)) && key.endsWith('.safetensors'),
    );
    expect(merges).toEqual([[expect.any(String), 1]]);
  });

  test('is merged by the owner of the lease even if no answer to a lease write arrives', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    while (!world.pending.some(({ kind }) => kind === 'task')) await world.deliver(world.pending.shift() as Delivery);
    await runGpuTasks(world);
    const at = { campaign: 'tavi', stage: 'teacher/hinge-points', round: 1 };
    const { federationStore } = world.context;
    // The client's retry of a write that took effect fails like this.
    const put: typeof federationStore.put = async (key, ...rest) => {
      const result = await federationStore.put(key, ...rest);
      if (key === federationKeys.lease(at)) throw new FedcardioError('PRECONDITION_FAILED', 'another was first');
      return result;
    };

    expect(await closeRound({ ...world.context, federationStore: { ...federationStore, put } }, at)).toBe('committed');
  });

  test('is merged by the next caller after a release, even if its owner had a clock that was ahead', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    const at = { campaign: 'tavi', stage: 'teacher/hinge-points', round: 1 };
    const ahead = { ...world.context, now: () => new Date(world.context.now().getTime() + 600_000) };

    await (await claimLease(ahead.federationStore, federationKeys.lease(at), ahead.now))?.release();

    expect(await claimLease(world.context.federationStore, federationKeys.lease(at), world.context.now)).toBeDefined();
  });

  test('is merged at the next call after a failed merge, without waiting for the lease to expire', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    while (!world.pending.some(({ kind }) => kind === 'task')) await world.deliver(world.pending.shift() as Delivery);
    await runGpuTasks(world);
    const at = { campaign: 'tavi', stage: 'teacher/hinge-points', round: 1 };
    const failing = stalledAt(
      world.context,
      (key) => key === federationKeys.seal(at),
      () => Promise.reject(new Error('503')),
    );

    await expect(closeRound(failing, at)).rejects.toThrow('503');

    expect(await closeRound(world.context, at)).toBe('committed');
  });

  describe('controlled by a researcher', () => {
    const opened = (world: SimulatedFederation) => world.log.filter(({ event }) => event === 'round-opened').length;

    test('opens and sends nothing while paused, accepts answers, and then continues', async () => {
      const world = simulateFederation(withSite('munich', 'silent'));
      await world.upload(CAMPAIGN);
      await world.deliver(world.pending.shift() as Delivery);
      await pauseCampaign(world.context, 'tavi', 'the GPUs are needed elsewhere');
      const before = opened(world);
      await deliverAll(world);
      world.advanceClock(10 * 86_400);
      await sweep(asFederationRole(world.context, 'sweep'), { resendAfterSeconds: 0 });
      await deliverAll(world);

      expect(opened(world)).toBe(before);
      expect(world.log.filter(({ event }) => event === 'tasks-sent')).toHaveLength(before);
      expect(await campaignStatus(world.context, 'tavi')).toMatchObject({
        phase: 'paused',
        reason: 'the GPUs are needed elsewhere',
      });

      await resumeCampaign(world.context, 'tavi');
      for (let i = 0; i < 10; i++) {
        await deliverAll(world);
        world.advanceClock(900);
        await sweep(asFederationRole(world.context, 'sweep'));
      }
      expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    });

    test('extends the deadline of an open round by the length of the pause', async () => {
      const world = simulateFederation(SITES.map((site) => ({ ...site, behaviour: 'silent' })));
      await world.upload(CAMPAIGN);
      await deliverAll(world);
      await pauseCampaign(world.context, 'tavi');
      world.advanceClock(86_400);
      await resumeCampaign(world.context, 'tavi');
      world.advanceClock(86_399);
      await sweep(asFederationRole(world.context, 'sweep'));
      expect(await outcomeOf(world)).toBeUndefined();

      world.advanceClock(1);
      await sweep(asFederationRole(world.context, 'sweep'));
      expect((await outcomeOf(world))?.reason).toMatch(/no answer from berlin, hamburg, munich by 2026-03-04/);
    });

    test.each([20, 300])(
      'is short of quorum in the last quarter of a round without its pause of %i hours',
      async (hours) => {
        const world = simulateFederation(SITES.map((site) => ({ ...site, behaviour: 'silent' })));
        const watch = async () => {
          await sweep(asFederationRole(world.context, 'sweep'));
          return world.log.findLast(({ event }) => event === 'round-watched')?.fields.shortOfQuorum;
        };
        await world.upload(CAMPAIGN);
        await deliverAll(world);
        world.advanceClock(3600);
        await pauseCampaign(world.context, 'tavi');
        world.advanceClock(hours * 3600);
        expect(await watch()).toBeUndefined();

        await resumeCampaign(world.context, 'tavi');
        world.advanceClock(16 * 3600);
        expect(await watch()).toBeUndefined();
        world.advanceClock(2 * 3600);
        expect(await watch()).toBe(true);
      },
    );

    test('ends when it is cancelled and merges no later answer', async () => {
      const world = simulateFederation(SITES);
      await world.upload(CAMPAIGN);
      while (!world.pending.some(({ kind }) => kind === 'task')) await world.deliver(world.pending.shift() as Delivery);
      await cancelCampaign(world.context, 'tavi', 'wrong labels');
      await deliverAll(world);
      await sweep(asFederationRole(world.context, 'sweep'));

      expect(await outcomeOf(world)).toMatchObject({ status: 'cancelled', reason: 'wrong labels' });
      expect(world.log.filter(({ event }) => event === 'round-committed')).toEqual([]);
      await expect(pauseCampaign(world.context, 'tavi')).rejects.toThrow('has ended');
      await expect(pauseCampaign(world.context, 'nobody')).rejects.toThrow('no campaign "nobody"');
      expect(await cancelCampaign(world.context, 'tavi')).toMatchObject({ reason: 'wrong labels' });
    });
  });

  test('lets sites join and leave between rounds only', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    world.setMembers(['berlin', 'hamburg']);
    await world.deliver(world.pending.shift() as Delivery);
    world.setMembers(['hamburg', 'munich']);
    await deliverAll(world);

    const participants = async (round: number) => {
      const at = { campaign: 'tavi', stage: 'teacher/hinge-points', round };
      const open = await readJson(world.context.federationStore, federationKeys.open(at), openSchema);
      return open.value.participants.map(({ site }) => site);
    };
    expect(await participants(1)).toEqual(['berlin', 'hamburg']);
    expect(await participants(2)).toEqual(['hamburg', 'munich']);
    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    await expectPlainMerges(world, SITES);
  });

  test('that is invalid ends at once and reports the position of the fault', async () => {
    const world = simulateFederation(SITES);
    await world.upload(JSON.stringify({ ...CAMPAIGN, id: 'broken', stages: [{ kind: 'teacher' }] }));
    await deliverAll(world);
    expect(await outcomeOf(world, 'broken')).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(
        /^campaigns\/broken\/campaign\.json: stages\[0\]\.name: .* Correct it and upload it under a new id\.$/,
      ),
    });
  });

  test('is found by the sweep when its upload event was lost', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);
    world.pending.length = 0;
    await sweep(asFederationRole(world.context, 'sweep'));
    await deliverAll(world);
    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
  });
});

async function lastUpdate({ context }: SimulatedFederation, at: RoundAddress) {
  const seal = await readJson(context.federationStore, federationKeys.seal(at), sealSchema);
  const key = seal.value.updates[0]!.key;
  return JSON.parse(Buffer.from((await context.federationStore.get(key)).body).toString());
}

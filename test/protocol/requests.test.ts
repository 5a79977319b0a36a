import { expect, test } from 'vitest';
import { sweep } from '../../handlers/sweep.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { CampaignInput } from '../../lib/federation/schemas.ts';
import { type Random, seededRandom } from '../../lib/random.ts';
import { countRequests, type Requests } from '../helpers/counted-store.ts';
import { asFederationRole } from '../helpers/roles.ts';
import { QUORUM, smallCampaignWith } from './simulated-campaign.ts';
import { type Delivery, type SimulatedFederation, simulateFederation } from './simulated-federation.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** Requests to the storage: each costs money and time, and grows with something. */

const sites = (count: number): readonly SimulatedSite[] =>
  Array.from({ length: count }, (_, index) => ({ id: `site-${index}`, samples: 1 + index, behaviour: 'good' }));

function campaignOf(rounds: number): CampaignInput {
  const [teacher, ...others] = smallCampaignWith(QUORUM).stages;
  return {
    ...smallCampaignWith(QUORUM),
    stages: [{ ...teacher, rounds } as CampaignInput['stages'][number], ...others],
  };
}

const totalOf = (requests: Requests): number => Object.values(requests).reduce((sum, count) => sum + count, 0);

/** Delivers until a round of the teacher is committed, and no further: its event remains. */
async function runUntilCommitted(world: SimulatedFederation, round: number): Promise<void> {
  const commit = federationKeys.commit({ campaign: 'tavi', stage: 'teacher', round });
  for (let next = world.pending.shift(); next; next = world.pending.shift()) {
    await world.deliver(next);
    if (world.writes.has(commit)) return;
  }
  throw new Error(`Round ${round} was not committed.`);
}

/** So few that a page ends within rounds that a test can run. */
const PAGE_KEYS = 100;

/** Requests of the event that opens the next round, and of a sweep in that round, before anybody has answered. */
async function requestsAfter(world: SimulatedFederation, round: number) {
  await runUntilCommitted(world, round);
  const { store, take } = countRequests(world.context.federationStore, PAGE_KEYS);
  const context = { ...world.context, federationStore: store, listedKeys: PAGE_KEYS };
  const event = world.pending.find((one) => one.kind === 'message' && one.queue.endsWith('-orchestrate'));
  if (!event) throw new Error('There is no event of the commit.');
  world.pending.splice(world.pending.indexOf(event), 1);
  expect(await world.deliver(event, { context })).toBe(true);
  const orchestrate = take();
  expect(world.writes.has(federationKeys.open({ campaign: 'tavi', stage: 'teacher', round: round + 1 }))).toBe(true);
  await sweep(asFederationRole(context, 'sweep'));
  return { orchestrate: totalOf(orchestrate), sweep: totalOf(take()) };
}

test('an event and a sweep cost as much in a late round of a long campaign as in an earlier one', async () => {
  const world = simulateFederation(sites(3));
  await world.upload(campaignOf(90));

  const early = await requestsAfter(world, 25);
  const late = await requestsAfter(world, 80);

  expect(late).toEqual(early);
});

/**
 * Requests of one round's upload events, each handled by itself, with the answers in an order that `pick` decides, and of a sweep
 * while one site has not answered.
 */
async function requestsOfAnswers(count: number, pick: (waiting: number) => number) {
  const world = simulateFederation(sites(count));
  const { store, take } = countRequests(world.context.federationStore);
  const context = { ...world.context, federationStore: store };
  const events: Requests[] = [];
  await world.upload(smallCampaignWith({ deadlineSeconds: 86_400 }));
  const commit = federationKeys.commit({ campaign: 'tavi', stage: 'teacher', round: 1 });
  const waiting: Delivery[] = [];
  let late = 0;
  for (;;) {
    for (let next = world.pending.shift(); next; next = world.pending.shift()) {
      if (next.kind === 'task') waiting.push(next);
      else {
        take();
        await world.deliver(next, { context });
        if (next.queue.endsWith('-aggregate')) events.push(take());
      }
    }
    if (world.writes.has(commit)) return { events, late };
    if (waiting.length === 1) {
      // Asked again, it is the one that is looked up first.
      world.advanceClock(900);
      await sweep(asFederationRole(context, 'sweep'));
      take();
      await sweep(asFederationRole(context, 'sweep'));
      late = totalOf(take());
    }
    for (const one of waiting.splice(pick(waiting.length), 1)) await world.deliver(one);
  }
}

test.each([
  ['in the order in which they were asked', () => 0, 3],
  ['in any order', (waiting: number, random: Random) => Math.floor(random() * waiting), 9],
])('an upload event costs few requests, whatever the number of sites, if these answer %s', async (_, pick, most) => {
  const all: number[] = [];
  for (const seed of ['a', 'b', 'c']) {
    const random = seededRandom('answers', seed);
    const { events, late } = await requestsOfAnswers(32, (waiting) => pick(waiting, random));
    // The last one closes the round, and reads every answer.
    all.push(...events.map(totalOf).slice(0, -1));
    expect(late).toBeLessThan(10);
  }

  expect(all).toHaveLength(3 * 31);
  expect(all.reduce((sum, requests) => sum + requests, 0) / all.length).toBeLessThanOrEqual(most);
});

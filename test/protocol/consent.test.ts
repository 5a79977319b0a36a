import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys, UPDATE_SUFFIX } from '../../lib/federation/keys.ts';
import {
  commitSchema,
  consentSchema,
  openSchema,
  outcomeSchema,
  type Policy,
  planSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { decide } from '../../lib/protocol/consent/at-site.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { asSiteRole } from '../helpers/roles.ts';
import { campaignWith, QUORUM } from './simulated-campaign.ts';
import { type SimulatedFederation, simulateFederation } from './simulated-federation.ts';

const IDS = ['berlin', 'hamburg', 'munich'];
const STAGE = 'teacher/hinge-points';
const roundAt = (round: number) => ({ campaign: 'tavi', stage: STAGE, round });

/** Three sites that agree to everything, but for the given ones. */
async function federationWith(modes: Readonly<Record<string, Policy['mode']>>): Promise<SimulatedFederation> {
  const world = simulateFederation(IDS.map((id) => ({ id, samples: 3, behaviour: 'good' })));
  for (const [site, mode] of Object.entries(modes)) {
    const policy = { schema: 'fedcardio.policy/1', site, mode, by: 'DPO', at: '2026-03-01T00:00:00.000Z' };
    await world.context.siteStore(site).put(siteKeys.policy, JSON.stringify(policy));
  }
  await world.upload(campaignWith(QUORUM));
  return world;
}

/** Delivers everything in order until nothing is pending. */
async function deliverAll(world: SimulatedFederation): Promise<void> {
  for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next);
}

/** A person at a site decides, with the rights of the site's withdraw role. */
async function answer({ context }: SimulatedFederation, site: string, state: 'agreed' | 'declined' | 'withdrawn') {
  const { federationStore, siteStore } = asSiteRole(context, site, 'withdraw');
  const own = { site, store: siteStore(site), federationStore, now: context.now };
  await decide(own, 'tavi', { state, by: 'Data protection officer' });
}

const outcomeOf = async ({ context }: SimulatedFederation) =>
  (await tryReadJson(context.federationStore, federationKeys.outcome('tavi'), outcomeSchema))?.value;
const mergedIn = async ({ context }: SimulatedFederation, round: number) =>
  (await tryReadJson(context.federationStore, federationKeys.commit(roundAt(round)), commitSchema))?.value.sites;
const answersOf = ({ writes }: SimulatedFederation, site: string) =>
  [...writes.keys()].filter((key) => key.startsWith(`updates/${site}/`) && key.endsWith(UPDATE_SUFFIX));

describe('consent', () => {
  test('of a site that is asked: nothing starts there until a person agrees, then its task is sent at once', async () => {
    const world = await federationWith({ munich: 'ask' });
    await deliverAll(world);
    expect(answersOf(world, 'munich')).toEqual([]);
    const waiting = await campaignStatus(world.context, 'tavi');
    expect(waiting?.consents.map(({ site, state }) => [site, state])).toEqual([
      ['berlin', 'agreed'],
      ['hamburg', 'agreed'],
      ['munich', 'asked'],
    ]);

    await answer(world, 'munich', 'agreed');
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    expect(await mergedIn(world, 1)).toEqual(IDS);
    const { value } = await readJson(world.context.federationStore, federationKeys.open(roundAt(2)), openSchema);
    expect(value.participants.every(({ consent }) => consent !== undefined)).toBe(true);
  });

  test('of a site that never agrees: it answers so, and the others go on without it', async () => {
    const world = await federationWith({ munich: 'never' });
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    expect(await mergedIn(world, 1)).toEqual(['berlin', 'hamburg']);
    const { value } = await readJson(world.context.federationStore, federationKeys.open(roundAt(2)), openSchema);
    expect(value.participants.map(({ site }) => site)).toEqual(['berlin', 'hamburg']);
  });

  test('that is declined ends the waiting for a site that was asked', async () => {
    const world = await federationWith({ munich: 'ask' });
    await deliverAll(world);
    await answer(world, 'munich', 'declined');
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    expect(await mergedIn(world, 1)).toEqual(['berlin', 'hamburg']);
  });

  test('that is withdrawn stops the next round, not the chain', async () => {
    const world = await federationWith({});
    while (!(await mergedIn(world, 1))) await world.deliver(world.pending.shift()!);
    await answer(world, 'munich', 'withdrawn');
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    expect(await mergedIn(world, 1)).toEqual(IDS);
    expect(await mergedIn(world, 2)).toEqual(['berlin', 'hamburg']);
  });

  test('that too few sites give ends the campaign with the reason', async () => {
    const world = await federationWith({ berlin: 'never', hamburg: 'never', munich: 'never' });
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('has declined the campaign'),
    });
  });

  test('that is withdrawn, of which the coordinator was not told, is told when the person repeats it', async () => {
    const world = await federationWith({});
    await deliverAll(world);
    const { federationStore } = world.context;
    const copy = federationKeys.consent('munich', 'tavi');
    const before = await federationStore.get(copy);
    await answer(world, 'munich', 'withdrawn');
    await federationStore.put(copy, before.body);

    await answer(world, 'munich', 'withdrawn');

    expect((await readJson(federationStore, copy, consentSchema)).value.state).toBe('withdrawn');
  });

  test('that cannot be read counts as none for its own site alone', async () => {
    const world = await federationWith({});
    await world.context.siteStore('munich').put(siteKeys.consent('tavi'), '{}');
    await deliverAll(world);
    await world.context.federationStore.put(federationKeys.consent('munich', 'tavi'), 'no JSON');
    await deliverAll(world);

    expect(answersOf(world, 'munich')).toEqual([]);
    expect(await mergedIn(world, 1)).toBeUndefined();
    world.advanceClock(200_000);
    const { sweep } = await import('../../handlers/sweep.ts');
    for (let left = 4; left > 0; left--) {
      await sweep(world.context);
      await deliverAll(world);
      world.advanceClock(200_000);
    }
    expect(await mergedIn(world, 1)).toEqual(['berlin', 'hamburg']);
  });

  test('is for the plan that a person was asked for, and for no other', async () => {
    const world = await federationWith({ munich: 'ask' });
    await deliverAll(world);
    const { federationStore, siteStore } = world.context;
    const key = federationKeys.plan('tavi');
    const consentOf = async () => (await readJson(siteStore('munich'), siteKeys.consent('tavi'), consentSchema)).value;
    const asked = await consentOf();
    const limits = { ...asked.limits, minimumCases: 17 };
    await siteStore('munich').put(siteKeys.consent('tavi'), canonicalJson({ ...asked, limits }));
    const plan = await readJson(federationStore, key, planSchema);
    const replaced = { ...plan.value, campaign: { ...plan.value.campaign, purpose: 'Something else' } };
    await federationStore.put(key, canonicalJson(replaced));

    await expect(answer(world, 'munich', 'agreed')).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });

    const again = await consentOf();
    expect(again).toMatchObject({ state: 'asked', terms: { purpose: 'Something else' }, reason: expect.any(String) });
    expect(again.plan).not.toBe(asked.plan);
    await answer(world, 'munich', 'agreed');
    expect(await consentOf()).toMatchObject({ state: 'agreed', plan: again.plan, limits });
  });
});

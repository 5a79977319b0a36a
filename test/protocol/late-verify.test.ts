import { beforeEach, describe, expect, test } from 'vitest';
import { siteRounds } from '../../cli/campaign/cells.ts';
import { type FederationKey, federationKeys } from '../../lib/federation/keys.ts';
import { type CampaignInput, campaignSchema, commitSchema, sealSchema } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { decodeSafetensors } from '../../lib/weights/safetensors.ts';
import { LATE_FACTOR, lateCampaignWith } from './simulated-campaign.ts';
import { type Delivery, type SimulatedFederation, simulateFederation } from './simulated-federation.ts';

const SITES = [
  { id: 'berlin', samples: 3, behaviour: 'good' },
  { id: 'hamburg', samples: 4, behaviour: 'good' },
  { id: 'munich', samples: 9, behaviour: 'good' },
] as const;
const at = (round: number) => ({ campaign: 'tavi', stage: 'teacher', round });

let world: SimulatedFederation;

const isTaskOf = (delivery: Delivery, site: string, round: number): boolean =>
  delivery.kind === 'task' && delivery.message.site === site && delivery.message.round === round;

/** Delivers everything but the tasks of Hamburg in the given rounds, which are returned. */
async function runWithout(...rounds: readonly number[]): Promise<readonly Delivery[]> {
  const held: Delivery[] = [];
  for (let next = world.pending.shift(); next; next = world.pending.shift()) {
    if (rounds.some((round) => isTaskOf(next as Delivery, 'hamburg', round))) held.push(next);
    else await world.deliver(next);
  }
  return held;
}

const start = async (change: (campaign: CampaignInput) => CampaignInput = (campaign) => campaign) => {
  world = simulateFederation(SITES);
  await world.upload(change(lateCampaignWith({ minFraction: 0.6, deadlineSeconds: 86_400 })));
};
const sealOf = async (round: number) =>
  (await readJson(world.context.federationStore, federationKeys.seal(at(round)), sealSchema)).value;
const modelOf = async (round: number): Promise<readonly number[]> => {
  const { federationStore } = world.context;
  const { value } = await readJson(federationStore, federationKeys.commit(at(round)), commitSchema);
  const file = decodeSafetensors((await federationStore.get(value.global?.key as FederationKey)).body);
  return [...(file.get('w')?.data ?? [])].map(Number);
};
const faults = async () =>
  (await verifyCampaign(world.context.federationStore, 'tavi')).rounds.flatMap(({ faults }) => faults);

describe('an update that comes after its round was sealed', () => {
  beforeEach(() => start());

  test('counts in the next round with its share of its samples, beside a newer one of its site', async () => {
    // Hamburg's task of round 1 ends while round 2 waits for two sites.
    let late: Delivery | undefined;
    for (let next = world.pending.shift(); next; next = world.pending.shift()) {
      if (isTaskOf(next, 'hamburg', 1)) late = next;
      else if (late && isTaskOf(next, 'berlin', 2)) {
        await world.deliver(late);
        await world.deliver(next);
      } else await world.deliver(next);
    }

    const { updates, late: sealed } = await sealOf(2);
    expect(updates.map(({ site }) => site)).toEqual(['berlin', 'hamburg', 'munich']);
    expect(sealed).toMatchObject([{ site: 'hamburg', samples: 4 }]);
    const [before = 0] = await modelOf(1);
    const own = SITES.reduce((sum, { samples }) => sum + samples * (before + samples + 0.1), 0);
    const mean = (own + LATE_FACTOR * 4 * 4.1) / (16 + LATE_FACTOR * 4);
    expect((await modelOf(2))[0]).toBeCloseTo(mean, 5);
    expect(await faults()).toEqual([]);
    const status = await campaignStatus(world.context, 'tavi');
    expect(siteRounds(status!, 'hamburg').slice(0, 2)).toMatchObject([
      { round: 1, became: 'late', reason: expect.stringContaining('and counts in round 2') },
      { round: 2, became: 'merged' },
    ]);
  });

  test('does not count two rounds later, nor after the last round', async () => {
    for (const task of await runWithout(1)) await world.deliver(task);
    await runWithout();

    expect((await Promise.all([1, 2, 3].map(sealOf))).map(({ late }) => late)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(await faults()).toEqual([]);
  });

  test('is named by verification if the seal takes one that it may not', async () => {
    await runWithout();
    const { federationStore } = world.context;
    const [first, second] = [await sealOf(1), await sealOf(2)];
    const [merged] = first.updates;
    const { validation: _, ...entry } = merged!;
    await federationStore.put(federationKeys.seal(at(2)), canonicalJson({ ...second, late: [entry] }));

    expect(await faults()).toContain(`${entry.site}: ${entry.site} takes no part in this round`);

    await federationStore.put(federationKeys.seal(at(2)), canonicalJson({ ...second, late: [entry, entry] }));
    expect(await faults()).toContain('seal.json does not list one late update per site, sorted by site');

    await federationStore.put(federationKeys.seal(at(1)), canonicalJson({ ...first, late: [entry] }));
    expect(await faults()).toContain('seal.json lists late updates, but the stage does not merge any');
  });
});

test('the round before a late update that cannot be read is a fault, and ends no verification', async () => {
  await start();
  for (const task of await runWithout(1)) await world.deliver(task);
  await runWithout();
  const { federationStore } = world.context;
  const { updates, ...seal } = await sealOf(2);
  const [{ validation: _, ...entry }] = updates as [(typeof updates)[number]];
  await federationStore.put(federationKeys.seal(at(2)), canonicalJson({ ...seal, updates, late: [entry] }));
  await federationStore.put(federationKeys.open(at(1)), '{}');

  const found = await verifyCampaign(federationStore, 'tavi');

  const broken = found.rounds.flatMap(({ at: { round }, faults }) =>
    faults.some((fault) => /0001\/open\.json/.test(fault)) ? [round] : [],
  );
  expect(broken).toEqual([1, 2]);
  expect(found.rounds.map(({ at: { round } }) => round)).toEqual([1, 2, 3]);
});

test('without lateFactor, a late update is never merged', async () => {
  await start((campaign) => ({
    ...campaign,
    stages: campaign.stages.map((stage) => ({ ...stage, aggregation: { strategy: 'fedavg' } }) as typeof stage),
  }));
  const late = await runWithout(1, 2, 3);
  for (const task of late) await world.deliver(task);

  expect((await sealOf(2)).late).toBeUndefined();
});

test.each([
  ['median', undefined],
  ['fedavg', 'scaffold'],
])('is refused where it has no meaning: %s, %s', (strategy, algorithm) => {
  const campaign = lateCampaignWith({});
  const [stage] = campaign.stages;
  const changed = {
    ...stage,
    aggregation: { strategy, lateFactor: 0.5 },
    training: { steps: 1, learningRate: 1, ...(algorithm && { algorithm: { name: algorithm } }) },
  };

  const { error } = campaignSchema.safeParse({ ...campaign, stages: [changed] });
  expect(JSON.stringify(error?.issues)).toContain('lateFactor');
});

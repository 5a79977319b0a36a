import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../lib/async.ts';
import { federationKeys, parseRoundKey } from '../../lib/federation/keys.ts';
import { type Commit, commitSchema, mergedSchema, openSchema, sealSchema } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { validatedCampaignWith } from './simulated-campaign.ts';
import { type SimulatedFederation, simulateFederation } from './simulated-federation.ts';

/** With these sites the stage stops early: see the first test. */
const SITES = [
  { id: 'berlin', samples: 4, behaviour: 'good' },
  { id: 'munich', samples: 10, behaviour: 'good' },
] as const;
const at = (round: number) => ({ campaign: 'tavi', stage: 'teacher', round });

let world: SimulatedFederation;
/** The rounds of the stage that were committed. */
let rounds: readonly number[];
const store = () => world.context.federationStore;
const commitOf = async (round: number) =>
  (await readJson(store(), federationKeys.commit(at(round)), commitSchema)).value;

beforeEach(async () => {
  world = simulateFederation(SITES);
  const { stages, ...campaign } = validatedCampaignWith({ deadlineSeconds: 86_400 });
  await world.upload({
    ...campaign,
    stages: stages.map((stage) => (stage.kind === 'teacher' ? { ...stage, rounds: 6 } : stage)),
  });
  for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next);
  const listing = await collect(store().list(federationKeys.stagePrefix(at(1))));
  rounds = listing.flatMap(({ key }) => (key.endsWith('/commit.json') ? [parseRoundKey(key)?.at.round ?? 0] : []));
});

/** All faults of the stage, by round. */
async function faults(): Promise<readonly string[]> {
  const found = (await verifyCampaign(store(), 'tavi')).rounds.filter((round) => round.at.stage === 'teacher');
  return found.flatMap((round) => round.faults.map((fault) => `${round.at.round}: ${fault}`));
}

describe('a stage that stopped early', () => {
  test('has its last round after the one that stopped it, and is verified', async () => {
    const stopping = rounds.at(-2) as number;

    expect(stopping).toBeLessThan(6);
    expect(rounds).toEqual([...Array.from({ length: stopping }, (_, index) => index + 1), 7]);
    expect((await commitOf(stopping)).validation?.stops).toBe(true);
    expect(await faults()).toEqual([]);
  });

  test('leaves the best of its models to the sites, and merges none in its last round', async () => {
    const { validation, global } = await commitOf(7);
    const seal = (await readJson(store(), federationKeys.seal(at(7)), sealSchema)).value;
    const merged = (await readJson(store(), federationKeys.merged(at(7)), mergedSchema)).value;

    const losses = await Promise.all(rounds.slice(1).map(async (round) => (await commitOf(round)).validation?.scored));
    const best = losses.reduce((a, b) => ((b?.loss ?? 1) < (a?.loss ?? 1) ? b : a));
    expect(validation?.best?.round).toBe(best?.round);
    expect(global).toEqual((await commitOf(best?.round ?? 0)).global);
    expect(merged.global).toEqual(global);
    expect(seal.updates.map(({ weights }) => weights)).toEqual([null, null]);
  });

  test('is completed in status, with fewer rounds than it might have had', async () => {
    const status = await campaignStatus(world.context, 'tavi');

    const stage = status?.stages[0];
    expect(status?.phase).toBe('completed');
    expect([stage?.phase, stage?.total, stage?.rounds.length]).toEqual(['completed', 7, rounds.length]);
    expect(stage?.rounds.at(-1)).toMatchObject({ limited: [], validation: { best: expect.anything() } });
  });

  test.each<readonly [string, (commit: Commit) => Commit, RegExp]>([
    [
      'another best model',
      (commit) => ({
        ...commit,
        validation: commit.validation && {
          ...commit.validation,
          best: { ...commit.validation.best, round: 9 } as never,
        },
      }),
      /the validation is not that of its updates/,
    ],
    [
      'another reason to stop',
      (commit) => ({ ...commit, validation: commit.validation && { ...commit.validation, stops: false } }),
      /the validation is not that of its updates/,
    ],
    ['no validation', ({ validation: _, ...commit }) => commit, /the validation is not that of its updates/],
  ])('has a fault if its commit says %s', async (_, change, fault) => {
    const stopping = rounds.at(-2) as number;
    await store().put(federationKeys.commit(at(stopping)), canonicalJson(change(await commitOf(stopping))));

    expect((await faults()).join('\n')).toMatch(fault);
  });

  test('has a fault if its last round publishes another of its models', async () => {
    const commit = await commitOf(7);
    const other = rounds.find((round) => round !== commit.validation?.best?.round) as number;
    await store().put(
      federationKeys.commit(at(7)),
      canonicalJson({ ...commit, global: (await commitOf(other)).global }),
    );

    expect((await faults()).join('\n')).toMatch(/7: the model is not what its updates merge to/);
  });

  test('has a fault if a round was left out', async () => {
    const { value } = await readJson(store(), federationKeys.open(at(7)), openSchema);
    const before = rounds.at(-2) as number;
    await store().put(federationKeys.open(at(7)), canonicalJson({ ...value, validation: undefined }));
    for (const key of [federationKeys.open(at(before)), federationKeys.commit(at(before))]) await store().delete(key);

    const found = (await faults()).join('\n');
    expect(found).toMatch(/7: the round does not follow the previous one/);
    expect(found).toMatch(/7: open.json does not go on from the validation of the previous round/);
  });

  test('has a fault if a site changes what it reported after the seal', async () => {
    const seal = (await readJson(store(), federationKeys.seal(at(2)), sealSchema)).value;
    const update = JSON.parse(Buffer.from((await store().get(seal.updates[0]!.key)).body).toString());
    await store().put(seal.updates[0]!.key, canonicalJson({ ...update, validation: { loss: 0, cases: 1 } }));

    expect((await faults()).join('\n')).toMatch(/2: berlin: seal.json has another validation/);
  });
});

import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { campaignSchema, type Open, type RoundPrivacy, type Seal } from '../federation/schemas.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import { roundedNorm } from '../privacy/distributed-noise.ts';
import { noiseGrid } from '../privacy/round-noise.ts';
import { storesOf } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { planCampaign } from './plan.ts';
import { ensureNoise, privacyOfMerge, privateMerge } from './private-merge.ts';

const { federationStore } = storesOf(createMemoryStorage(), 'heart');

// The bound is for sites that add more noise than planned: it must not scale those down that add what is planned.
test.each([0.5, 3, 2000])('an update with local noise of %d is not clipped, however large the network', async (z) => {
  const terms: RoundPrivacy = { noise: 'local', clip: 0.7, noiseMultiplier: z, sites: 8 };
  const merge = await privateMerge(federationStore, { privacy: terms } as Open, terms, 'digest');
  for (const dimension of [1, 1e4, 1e6, 62_100_000, 1e9]) {
    const { step, sigma } = noiseGrid(terms, dimension);
    const values = step * roundedNorm(terms.clip / step, dimension);
    // Of the norm of noise, √dimension · sigma is the mean, and less than sigma its deviation.
    const honest = values + step * sigma * (Math.sqrt(dimension) + 5.9);

    const { clip } = merge(dimension);

    expect(clip / honest).toBeGreaterThan(1);
    expect(clip / (honest + step * sigma)).toBeLessThan(1);
  }
});

describe('noise of the coordinator', () => {
  const CENTRAL: RoundPrivacy = { noise: 'central', clip: 0.5, noiseMultiplier: 2, sites: 4, countSigma: 1.5 };
  const AT = { campaign: 'tavi', stage: TEACHER_STAGE.name, round: 3 };
  const open = { ...AT, privacy: CENTRAL } as Open;

  /** A coordinator in memory, with the plan of a campaign with noise. */
  async function coordinator(terms: object = {}) {
    const { federationStore } = storesOf(createMemoryStorage(), 'heart');
    const differentialPrivacy = { clip: 0.5, noiseMultiplier: 2, delta: 1e-5, noise: 'central', ...terms };
    const campaign = campaignSchema.parse({
      schema: 'fedcardio.campaign/1',
      id: AT.campaign,
      stages: [TEACHER_STAGE],
      privacy: { differentialPrivacy },
    });
    const plan = planCampaign(campaign.id, { value: campaign, sha256: sha256Hex('') }, new Date(0), {
      sites: ['bonn', 'kiel'],
    });
    await federationStore.put(federationKeys.plan(campaign.id), canonicalJson(plan));
    const federation = { schema: 'fedcardio.federation/1' as const, id: 'heart', sites: [] };
    const context = { federation, federationStore, now: () => new Date(0), log: () => undefined };
    const seedOf = async (at: Open = open) => {
      await ensureNoise(context, at);
      return federationStore.tryGet(federationKeys.noise(at));
    };
    const draws = async (digest: string, at: Open = open) => {
      const noise = (await privateMerge(federationStore, at, CENTRAL, digest))(1000).noise?.();
      return noise && Array.from({ length: 50 }, noise);
    };
    return { federationStore, seedOf, draws };
  }

  test('comes from a seed that is created once for each round', async () => {
    const { seedOf } = await coordinator();
    const first = await seedOf();
    const again = await seedOf();
    const other = await seedOf({ ...open, round: 4 });
    const value = JSON.parse(Buffer.from(first?.body ?? []).toString());

    expect(value).toEqual({ schema: 'fedcardio.noise/1', ...AT, seed: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(again?.body).toEqual(first?.body);
    expect(JSON.parse(Buffer.from(other?.body ?? []).toString()).seed).not.toBe(value.seed);
  });

  test('has no seed if the sites add it, or nobody', async () => {
    const { seedOf } = await coordinator();
    expect(await seedOf({ ...open, privacy: { ...CENTRAL, noise: 'local' } })).toBeUndefined();
    const { privacy: _, ...plain } = open;
    expect(await seedOf(plain as Open)).toBeUndefined();
  });

  test('is the same in every repetition of a merge, and another one if something else is merged', async () => {
    const { seedOf, draws } = await coordinator();
    await seedOf();
    await seedOf({ ...open, round: 4 });

    const first = await draws('one');
    expect(first?.some((value) => value !== 0)).toBe(true);
    expect(await draws('one')).toEqual(first);
    expect(await draws('two')).not.toEqual(first);
    expect(await draws('one', { ...open, round: 4 })).not.toEqual(first);
  });

  test('is not left out if its seed is missing', async () => {
    const { draws } = await coordinator();
    await expect(draws('one')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('clips to what the plan says, and divides by its number of sites', async () => {
    const { seedOf, federationStore } = await coordinator();
    await seedOf();
    const merge = await privateMerge(federationStore, open, CENTRAL, 'one');
    expect(merge(1000)).toMatchObject({ clip: 0.5, divisor: 4, step: noiseGrid(CENTRAL, 1000).step });
  });

  const votes = (clipped: number, all: number) =>
    Array.from({ length: all }, (_, i) => ({ clipped: i < clipped })) as unknown as Seal['updates'];

  test('is published by the digest of its seed', async () => {
    const { seedOf, federationStore } = await coordinator();
    const seed = await seedOf();
    const said = await privacyOfMerge(federationStore, open, votes(1, 4), 'one');
    expect(said).toMatchObject({ clip: 0.5, noiseMultiplier: 2, delta: 1e-5, seed: sha256Hex(seed?.body ?? '') });
    expect(said).not.toHaveProperty('nextClip');
    const { privacy: _, ...plain } = open;
    expect(await privacyOfMerge(federationStore, plain as Open, votes(1, 4), 'one')).toBeUndefined();
  });

  test('lets the clip follow the share of clipped updates, the same in every repetition', async () => {
    const { seedOf, federationStore } = await coordinator({ adaptive: {} });
    await seedOf();
    const small = { ...open, privacy: { ...CENTRAL, sites: 400, countSigma: 1.5 } } as Open;
    const next = async (clipped: number, digest = 'one') =>
      (await privacyOfMerge(federationStore, small, votes(clipped, 400), digest))?.nextClip ?? Number.NaN;

    expect(await next(400)).toBeGreaterThan(0.5);
    expect(await next(0)).toBeLessThan(0.5);
    expect(await next(200)).toBe(await next(200));
    expect(await next(200)).not.toBe(await next(200, 'two'));
  });
});

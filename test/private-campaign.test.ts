import { beforeEach, describe, expect, test } from 'vitest';
import { collectCampaign } from '../cli/report/collect.ts';
import { spendingText } from '../cli/site/privacy.ts';
import { siteSpending } from '../cli/site/privacy-ledger.ts';
import { statusText } from '../cli/status.ts';
import { gpuTaskContext, updateOf } from '../gpu-tasks/testing.ts';
import { collect } from '../lib/async.ts';
import { federationKeys, type RoundAddress, siteKeys } from '../lib/federation/keys.ts';
import {
  type CampaignInput,
  type ConsentLimits,
  commitSchema,
  type GpuTaskMessage,
  ledgerSchema,
  noiseSchema,
  openSchema,
  planSchema,
  policySchema,
  sealSchema,
} from '../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import { initialWeights } from '../lib/models/initial-weights.ts';
import { headOf } from '../lib/models/parameters.ts';
import { epsilonOf } from '../lib/privacy/accountant.ts';
import { differenceNorm, dimensionOf, privateUpdate } from '../lib/privacy/private-update.ts';
import { mergeEntries } from '../lib/protocol/merge-entries.ts';
import { learns, stageOf, tasksOf } from '../lib/protocol/plan.ts';
import { campaignStatus } from '../lib/protocol/status.ts';
import { verifyCampaign } from '../lib/protocol/verify-campaign.ts';
import { privacyLines } from '../lib/report/privacy-text.ts';
import { readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import { sortedNames, type Weights, type WeightTensor } from '../lib/weights/weights.ts';
import { calciumCampaign, type TrainedFederation, trainedFederation } from './helpers/trained-federation.ts';

const SITES = ['berlin', 'bonn', 'kiel'];
const CLIP = 0.05;
const at = (campaign: string, round: number): RoundAddress => ({ campaign, stage: 'teacher', round });

let world: TrainedFederation;
beforeEach(async () => {
  world = await trainedFederation(SITES);
});

const store = () => world.context.federationStore;
const openOf = async (of: RoundAddress) => (await readJson(store(), federationKeys.open(of), openSchema)).value;
const sealOf = async (of: RoundAddress) => (await readJson(store(), federationKeys.seal(of), sealSchema)).value;
const commitOf = async (of: RoundAddress) => (await readJson(store(), federationKeys.commit(of), commitSchema)).value;
const planOf = async (campaign: string) => (await readJson(store(), federationKeys.plan(campaign), planSchema)).value;
const weightsAt = async (key: Parameters<ReturnType<typeof store>['get']>[0]): Promise<Weights> =>
  decodeSafetensors((await store().get(key)).body);
const modelOf = async (of: RoundAddress) => weightsAt((await commitOf(of)).global!.key);

const messageOf = async (of: RoundAddress, site: string): Promise<GpuTaskMessage> => {
  const { participants: _, quorum: __, previous: ___, schema: ____, ...terms } = await openOf(of);
  return { schema: 'fedcardio.task/1', federation: 'heart', site, ...terms, resent: true };
};

/** The updates that a round merged, whole. */
async function updatesOf(of: RoundAddress): Promise<readonly Weights[]> {
  return Promise.all((await sealOf(of)).updates.map(({ weights }) => weightsAt(weights!.key)));
}

/** What all sites start a campaign's first round from. */
async function startOf(campaign: string): Promise<Weights> {
  const plan = await planOf(campaign);
  const stage = stageOf(plan, 'teacher');
  if (!learns(stage) || stage.kind === 'probe') throw new Error('It trains no network.');
  return initialWeights(stage.model, tasksOf(plan, stage), plan.campaign.seed);
}

const values = (weights: Weights): readonly number[] =>
  sortedNames(weights).flatMap((name) => [...weights.get(name)!.data]);

/** The root mean square of what is left of a model without the mean that it should be. */
function residual(model: Weights, start: Weights, updates: readonly Weights[], divisor: number): number {
  const [merged, from, ...sent] = [model, start, ...updates].map(values) as [number[], number[], ...number[][]];
  const squares = merged.map((value, i) => {
    const mean = sent.reduce((sum, one) => sum + one[i]! - from[i]!, 0) / divisor;
    return (value - from[i]! - mean) ** 2;
  });
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}

async function faults(campaign: string): Promise<readonly string[]> {
  const { faults: plan, rounds } = await verifyCampaign(store(), campaign);
  return [...plan, ...rounds.flatMap((round) => round.faults)];
}

type Asked = NonNullable<NonNullable<CampaignInput['privacy']>['differentialPrivacy']>;
const noisy = (terms: Partial<Asked> = {}) => ({ differentialPrivacy: { clip: CLIP, epsilon: 8, ...terms } as Asked });

async function complete(campaign: CampaignInput): Promise<void> {
  const outcome = await world.run(campaign);
  expect(outcome?.status, outcome?.reason).toBe('completed');
}

/** Takes back what a site has answered to a campaign's last round. */
async function reopen(message: GpuTaskMessage): Promise<void> {
  for await (const { key } of store().list(federationKeys.siteUpdates(message, message.site)))
    await store().delete(key);
  await store().delete(federationKeys.seal(message));
  await store().delete(federationKeys.outcome(message.campaign));
}

/** The site agrees to all campaigns, with a budget. */
async function agree(site: string, budget: ConsentLimits['budget']): Promise<void> {
  const policy = policySchema.parse({
    schema: 'fedcardio.policy/1',
    site,
    mode: 'standing',
    limits: { budget },
    by: 'a person',
    at: '2026-03-02T08:00:00Z',
  });
  await world.context.siteStore(site).put(siteKeys.policy, canonicalJson(policy));
}
const ledgerOf = async (site: string) =>
  (await readJson(world.context.siteStore(site), siteKeys.ledger, ledgerSchema)).value.releases;

describe('central noise', () => {
  test('is planned, added once, committed and verified', async () => {
    await complete(calciumCampaign('dp', noisy()));

    const { campaign } = await planOf('dp');
    const terms = campaign.privacy?.differentialPrivacy;
    expect(terms).toMatchObject({ epsilon: 8, sites: { teacher: 3 }, noise: 'central' });
    const commit = await commitOf(at('dp', 2));
    expect(commit.privacy).toMatchObject({ unit: 'site', clip: CLIP, noiseMultiplier: terms?.noiseMultiplier });
    expect(commit.privacy?.epsilon).toBeCloseTo(8, 4);
    expect((await commitOf(at('dp', 1))).privacy?.epsilon).toBeLessThan(6);
    expect(await faults('dp')).toEqual([]);
  });

  test('has the planned deviation, in a first round too, and updates have at most the planned norm', async () => {
    await complete(calciumCampaign('dp', noisy({ sites: { teacher: 4 } })));

    const { noiseMultiplier } = (await openOf(at('dp', 1))).privacy!;
    for (const [round, start] of [
      [1, await startOf('dp')],
      [2, await modelOf(at('dp', 1))],
    ] as const) {
      const updates = await updatesOf(at('dp', round));
      const found = residual(await modelOf(at('dp', round)), start, updates, 4);
      // The relative error of a deviation is 1/√(2n): five of them.
      const within = 5 / Math.sqrt(2 * dimensionOf(start));
      expect(within).toBeLessThan(0.1);
      expect(found / ((noiseMultiplier * CLIP) / 4)).toBeGreaterThan(1 - within);
      expect(found / ((noiseMultiplier * CLIP) / 4)).toBeLessThan(1 + within);
      for (const update of updates) expect(differenceNorm(update, start)).toBeLessThanOrEqual(CLIP);
      expect(Math.max(...updates.map((update) => differenceNorm(update, start)))).toBeGreaterThan(0.99 * CLIP);
    }
  });

  test('is the same in a repeated merge, and another one for other updates', async () => {
    await complete(calciumCampaign('dp', noisy(), { rounds: 1 }));
    const [open, seal, commit] = await Promise.all([openOf(at('dp', 1)), sealOf(at('dp', 1)), commitOf(at('dp', 1))]);

    expect(await mergeEntries(store(), open, seal)).toMatchObject({ kind: 'merged', global: commit.global });
    const fewer = { updates: seal.updates.slice(1) };
    const merged = await mergeEntries(store(), open, fewer);

    if (merged.kind !== 'merged') throw new Error('It was not merged.');
    const [all, some] = await Promise.all([modelOf(at('dp', 1)), weightsAt(merged.global!.key)]);
    const { clip, noiseMultiplier, sites } = open.privacy!;
    // With one draw for both, their difference would be the update that is missing.
    expect(differenceNorm(all, some) / Math.sqrt(dimensionOf(all))).toBeGreaterThan((noiseMultiplier * clip) / sites);
  });

  test.each([
    ['another seed', 'f'.repeat(64), 'the model is not what its updates merge to'],
    ['no seed', undefined, 'There is no s3://heart-federation/campaigns/dp/teacher/0001/noise.json'],
  ])('verification detects %s', async (_, seed, fault) => {
    await complete(calciumCampaign('dp', noisy(), { rounds: 1 }));
    const key = federationKeys.noise(at('dp', 1));
    const noise = (await readJson(store(), key, noiseSchema)).value;
    if (seed) await store().put(key, canonicalJson({ ...noise, seed }));
    else await store().delete(key);

    expect((await faults('dp')).join()).toContain(fault);
  });

  test('adaptive clipping moves the norm, and the count costs a part of the noise', async () => {
    await complete(calciumCampaign('dp', noisy({ epsilon: 1000, adaptive: {} }), { rounds: 3 }));

    const clips = await Promise.all([1, 2, 3].map(async (round) => (await openOf(at('dp', round))).privacy!.clip));
    expect(clips[0]).toBe(CLIP);
    expect(new Set(clips).size).toBe(3);
    expect((await commitOf(at('dp', 2))).privacy?.nextClip).toBe(clips[2]);
    const { noiseMultiplier } = (await planOf('dp')).campaign.privacy!.differentialPrivacy!;
    expect((await openOf(at('dp', 1))).privacy!.noiseMultiplier).toBeGreaterThan(noiseMultiplier!);
    expect((await ledgerOf('bonn')).map(({ noise }) => noise)).toEqual([1, 2, 3].map(() => noiseMultiplier));
    expect(await faults('dp')).toEqual([]);
  });

  test('a server optimiser takes its step along the noisy mean', async () => {
    await complete(calciumCampaign('dp', noisy(), { aggregation: { strategy: 'fedavgm', momentum: 0 } }));
    await complete(calciumCampaign('plain', noisy()));

    expect(await faults('dp')).toEqual([]);
  });
});

test('a probe starts from the heads of the seed, a stage with init from the imported weights', async () => {
  await complete(calciumCampaign('plain', undefined, { rounds: 1 }));
  const imported = await startOf('plain');
  // Other values than those of the seed, and no heads.
  const body = [...imported].flatMap(([name, tensor]): [string, WeightTensor][] =>
    headOf(name) === undefined ? [[name, { ...tensor, data: tensor.data.map((value) => value + 1) }]] : [],
  );
  const bytes = encodeSafetensors(new Map(body));
  const init = sha256Hex(bytes);
  await store().put(federationKeys.init('dp', init), bytes);
  const [teacher] = calciumCampaign('dp', noisy(), { rounds: 1 }).stages;
  const { model: _, ...probe } = teacher as Extract<typeof teacher, { kind: 'teacher' }>;

  await complete({
    ...calciumCampaign('dp', noisy()),
    stages: [
      { ...(teacher as Extract<typeof teacher, { kind: 'teacher' }>), init },
      { ...probe, kind: 'probe', name: 'probe', of: 'teacher' },
    ],
  });

  expect(await faults('dp')).toEqual([]);
  const [whole, heads] = await Promise.all(
    ['teacher', 'probe'].map((stage) => weightsAt(federationKeys.start({ ...at('dp', 1), stage }))),
  );
  const expected = new Map([...imported, ...body]);
  for (const [name, { data }] of expected) expect(whole?.get(name)?.data, name).toEqual(data);
  expect([...heads!.keys()].every((name) => headOf(name) !== undefined)).toBe(true);
  for (const [name, { data }] of heads!) expect(data, name).toEqual(imported.get(name)?.data);
});

describe('local noise', () => {
  const local = noisy({ noise: 'local' });

  test('leaves with every update, and nothing else is added', async () => {
    await complete(calciumCampaign('dp', local, { rounds: 1 }));

    const [open, start, updates] = [await openOf(at('dp', 1)), await startOf('dp'), await updatesOf(at('dp', 1))];
    const { noiseMultiplier } = open.privacy!;
    const dimension = dimensionOf(start);
    for (const update of updates) {
      const deviation = differenceNorm(update, start) / Math.sqrt(dimension);
      expect(deviation / (noiseMultiplier * CLIP)).toBeGreaterThan(1 - 5 / Math.sqrt(2 * dimension));
      expect(deviation / (noiseMultiplier * CLIP)).toBeLessThan(1.05 + 5 / Math.sqrt(2 * dimension));
    }
    expect(residual(await modelOf(at('dp', 1)), start, updates, 3)).toBeLessThan(1e-6);
    expect((await collect(store().list(federationKeys.noise(at('dp', 1))))).length).toBe(0);
    expect(await faults('dp')).toEqual([]);
  });

  test('is the same after a restart, and counts once', async () => {
    await complete(calciumCampaign('dp', local, { rounds: 1 }));
    const message = await messageOf(at('dp', 1), 'bonn');
    const before = await updateOf(world.context, message);
    const { context } = await gpuTaskContext(world.context, 'bonn');
    await reopen(message);

    expect(await world.runTask(message, { log: context.log })).toBe('done');

    expect(await updateOf(world.context, message)).toMatchObject({
      weights: before.status === 'ok' ? before.weights : null,
    });
    expect(await ledgerOf('bonn')).toHaveLength(1);
  });

  test.each([
    ['no noise', {}],
    ['less noise', { privacy: { noise: 'local', clip: CLIP, noiseMultiplier: 0.1, sites: 3 } }],
  ] as const)('a site refuses a message that asks for %s', async (_, change) => {
    await complete(calciumCampaign('dp', local, { rounds: 1 }));
    const { privacy: __, ...others } = await messageOf(at('dp', 1), 'bonn');
    await reopen(others);

    expect(await world.runTask({ ...others, ...change })).toBe('failed');

    expect(await updateOf(world.context, others)).toMatchObject({
      status: 'failed',
      reason: 'The round has other privacy terms than the plan that was agreed to.',
    });
  });
});

describe('distributed noise, under masks', () => {
  const masked = (terms: Partial<Asked> = {}): CampaignInput['privacy'] => ({
    secureAggregation: {},
    ...noisy({ noise: 'distributed', ...terms }),
  });

  test('is in the sum alone, with the planned deviation even without the share of one site', async () => {
    await complete(calciumCampaign('dp', masked()));

    const { noiseMultiplier } = (await planOf('dp')).campaign.privacy!.differentialPrivacy!;
    for (const [round, start] of [
      [1, await startOf('dp')],
      [2, await modelOf(at('dp', 1))],
    ] as const) {
      const dimension = dimensionOf(start);
      const found = differenceNorm(await modelOf(at('dp', round)), start) / Math.sqrt(dimension);
      // Three shares, of which any two have all of the noise. The updates themselves add at most the clip.
      const planned = (noiseMultiplier! * CLIP * Math.sqrt(3 / 2)) / SITES.length;
      const within = 5 / Math.sqrt(2 * dimension) + 1 / (noiseMultiplier! * Math.sqrt(dimension));
      expect(within).toBeLessThan(0.15);
      expect(found / planned).toBeGreaterThan(1 - within);
      expect(found / planned).toBeLessThan(1 + within);
    }
    const update = await updateOf(world.context, await messageOf(at('dp', 2), 'bonn'));
    const share = noiseMultiplier! / Math.sqrt(2);
    expect(update).toMatchObject({ privacy: { clip: CLIP, noiseMultiplier: share }, figures: {} });
    expect((await commitOf(at('dp', 2))).privacy).toMatchObject({ unit: 'site', clip: CLIP, noiseMultiplier });
    expect((await ledgerOf('bonn')).map(({ noise }) => noise)).toEqual([noiseMultiplier, noiseMultiplier]);
    expect(await faults('dp')).toEqual([]);
  });

  test('leaves the mean of the clipped updates if the noise is small', async () => {
    await complete(
      calciumCampaign('plain', undefined, {
        rounds: 1,
        aggregation: { strategy: 'fedavg', clipFactor: null, shareFactor: null },
      }),
    );
    await complete(
      calciumCampaign('dp', masked({ epsilon: undefined, noiseMultiplier: 1e-4, sites: { teacher: 4 } }), {
        rounds: 1,
      }),
    );

    const start = await startOf('dp');
    const updates = await updatesOf(at('plain', 1));
    const clipped = updates.map((update) => privateUpdate(update, start, { clip: CLIP, noiseMultiplier: 0 }).weights);
    expect(differenceNorm(updates[0]!, start)).toBeGreaterThan(CLIP);
    expect(residual(await modelOf(at('dp', 1)), start, clipped, 4)).toBeLessThan(1e-5);
    expect(await faults('dp')).toEqual([]);
  });

  test('is the same after a restart, and counts once', async () => {
    await complete(calciumCampaign('dp', masked(), { rounds: 1 }));
    const message = await messageOf(at('dp', 1), 'bonn');
    const task = { ...message, schema: 'fedcardio.task/2' as const };
    const before = await updateOf(world.context, message);
    await reopen(message);

    expect(await world.runTask(task)).toBe('done');

    expect(await updateOf(world.context, message)).toMatchObject({
      weights: before.status === 'ok' ? before.weights : null,
    });
    expect(await ledgerOf('bonn')).toHaveLength(1);
  });

  test('verification detects noise that is not the planned one', async () => {
    await complete(calciumCampaign('dp', masked(), { rounds: 1 }));
    const key = federationKeys.open(at('dp', 1));
    const open = await openOf(at('dp', 1));
    await store().put(key, canonicalJson({ ...open, privacy: { ...open.privacy, noiseMultiplier: 0.1 } }));

    const found = (await faults('dp')).join();

    expect(found).toContain('open.json does not have the privacy of the plan');
    expect(found).toContain('times the clip, not');
  });

  test('goes with DP-SGD', async () => {
    const dpSgd = { clip: 1, noiseMultiplier: 1.2 };
    const training = { patch: 16, spacing: 6, steps: 3, learningRate: 1e-2, warmup: 0, dpSgd };

    await complete(calciumCampaign('cases', { secureAggregation: {} }, { training, rounds: 1 }));

    expect(await ledgerOf('bonn')).toMatchObject([{ noise: 1.2, count: 3, unit: 'case' }]);
    expect(await faults('cases')).toEqual([]);
  });
});

describe('the budget of a site', () => {
  test('is spent over several campaigns; a round beyond it is refused, and the others go on', async () => {
    const quorum = { minFraction: 0.5, minSites: 2 };
    await agree('bonn', { epsilon: 11, delta: 1e-5 });

    await complete(calciumCampaign('first', noisy(), { quorum }));
    await complete(calciumCampaign('second', noisy(), { quorum }));

    // Two rounds at ε 8; of the next campaign one round fits.
    expect((await ledgerOf('bonn')).map(({ campaign, round }) => `${campaign} ${round}`)).toEqual([
      'first 1',
      'first 2',
      'second 1',
    ]);
    const [failed] = (await sealOf(at('second', 2))).failed;
    expect(failed).toMatchObject({ site: 'bonn', reason: expect.stringContaining('BUDGET_EXCEEDED') });
    expect(failed?.reason).toContain('exceed the privacy budget of bonn, ε 11');
    expect((await commitOf(at('second', 2))).sites).toEqual(['berlin', 'kiel']);
    expect((await ledgerOf('kiel')).length).toBe(4);
  });

  test('refuses a campaign without noise', async () => {
    await agree('bonn', { epsilon: 10, delta: 1e-5 });

    const outcome = await world.run(calciumCampaign('plain', undefined, { quorum: { minSites: 3 } }));

    expect(outcome?.reason).toContain('bonn has a privacy budget, and this round adds no noise');
  });
});

describe('DP-SGD', () => {
  const dpSgd = { clip: 1, noiseMultiplier: 1.2 };
  const training = { patch: 16, spacing: 6, steps: 3, learningRate: 1e-2, warmup: 0, dpSgd };

  test('is recorded for every case, and its ε is that of the sampled steps', async () => {
    await complete(calciumCampaign('dp', undefined, { training }));

    const expected = { noise: 1.2, rate: 0.5, count: 3, unit: 'case' };
    expect(await ledgerOf('bonn')).toMatchObject([
      { ...expected, round: 1 },
      { ...expected, round: 2 },
    ]);
    const update = await updateOf(world.context, await messageOf(at('dp', 2), 'bonn'));
    const epsilon = epsilonOf([{ noise: 1.2, rate: 0.5, count: 6 }], 1e-5);
    expect(update).toMatchObject({ dpSgd: { ...dpSgd, rate: 0.5, steps: 3, epsilon, delta: 1e-5 } });
    expect(await siteSpending(world.context.siteStore('bonn'), 1e-5, 100)).toMatchObject({
      spent: epsilon,
      left: 100 - epsilon,
      campaigns: [{ campaign: 'dp', releases: 2, unit: 'case', withoutNoise: 0 }],
    });
    const record = await collectCampaign({ ...world.context, campaign: 'dp' });
    expect(record.casePrivacy?.sites).toEqual(SITES.map((site) => ({ site, epsilon, delta: 1e-5 })));
    expect(privacyLines(record)[0]).toMatch(/^DP-SGD hides single cases in teacher: ε \d+\.\d+, at δ 0\.00001/);
  });

  test('spends the budget of a site, and noise on the whole update takes its place', async () => {
    await agree('bonn', { epsilon: 1, delta: 1e-5 });
    const outcome = await world.run(calciumCampaign('cases', undefined, { training, quorum: { minSites: 3 } }));
    await agree('bonn', { epsilon: 9, delta: 1e-5 });
    await complete(calciumCampaign('both', noisy(), { training, quorum: { minSites: 3 } }));

    expect(outcome?.reason).toContain('would exceed the privacy budget of bonn');
    expect((await ledgerOf('bonn')).map(({ campaign, unit }) => `${campaign} ${unit}`)).toEqual([
      'both site',
      'both site',
    ]);
  });
});

test('the spending of a site names what left without noise', async () => {
  await complete(calciumCampaign('dp', noisy(), { rounds: 1 }));
  await complete(calciumCampaign('plain', undefined, { rounds: 1 }));

  const spending = await siteSpending(world.context.siteStore('bonn'), 1e-5);

  expect(spending.campaigns).toMatchObject([
    { campaign: 'dp', releases: 1, unit: 'site', withoutNoise: 0 },
    { campaign: 'plain', releases: 0, withoutNoise: 1 },
  ]);
  const text = spendingText('bonn', spending);
  expect(text).toMatch(/^bonn has spent ε 8\.00 at δ 0\.00001/);
  expect(text).toContain('nothing bounds what they reveal (plain).');
});

test('status and model say what was planned and what was spent', async () => {
  await complete(calciumCampaign('dp', noisy()));

  const status = await campaignStatus({ ...world.context }, 'dp');

  expect(status?.privacy).toMatchObject({ epsilon: 8, rounds: 2, plannedRounds: 2, noise: 'central', unit: 'site' });
  expect(status?.privacy?.spent).toBeCloseTo(8, 4);
  const text = statusText(status!, { now: world.context.now(), rejected: [] });
  expect(text).toContain('Differential privacy of every site: ε 8.00 after 2 rounds, 8.00 after all 2, at δ 0.00001');
});

test('a campaign without differential privacy writes what it wrote before', async () => {
  await complete(calciumCampaign('plain', undefined, { rounds: 1 }));

  expect(await planOf('plain')).not.toHaveProperty('campaign.privacy');
  expect(await openOf(at('plain', 1))).not.toHaveProperty('privacy');
  expect(await commitOf(at('plain', 1))).not.toHaveProperty('privacy');
  expect(await world.context.siteStore('bonn').tryGet(siteKeys.ledger)).toBeUndefined();
});

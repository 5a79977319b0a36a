import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { federationKeys, parseRoundKey } from '../lib/federation/keys.ts';
import { commitSchema, type Outcome, openSchema, outcomeSchema, sealSchema } from '../lib/federation/schemas.ts';
import { pauseCampaign, resumeCampaign } from '../lib/protocol/control.ts';
import { verifyCampaign } from '../lib/protocol/verify-campaign.ts';
import { pick, seededRandom, uniform } from '../lib/random.ts';
import { readJson, tryReadJson } from '../lib/storage/documents.ts';
import type { FaultsInput } from '../local/emulator/faults/configuration.ts';
import { type AdversaryFederation, startAdversaryFederation } from './helpers/adversary-federation.ts';
import { type Adversities, type AttackedCampaign, runAttackedCampaign } from './helpers/attacked-campaign.ts';
import { plainMean, smallCampaignWith } from './protocol/simulated-campaign.ts';
import type { SimulatedSite } from './protocol/simulated-site.ts';

/** To run more: `FEDCARDIO_HTTP_SCHEDULES=500 npx vitest run test/adversary.test.ts`; to run one: `-t 'schedule 7$'`. */
const SCHEDULES = Number(process.env.FEDCARDIO_HTTP_SCHEDULES ?? 8);
const FAULT_PHASE_MS = 3000;
const DEADLINE_SECONDS = 5;
/** Longest time to the end after the fault phase: a lease that was not released, and three rounds. */
const FAULT_FREE_MS = 60_000 + 3 * 2 * DEADLINE_SECONDS * 1000;

/** All kinds of faults, at rates that the seed decides. */
function faultsOf(seed: number): FaultsInput {
  const random = seededRandom('faults', seed);
  const upTo = (rate: number) => uniform(random, 0, rate);
  return {
    seed,
    rules: [
      { fault: 'conflict', rate: upTo(0.5) },
      { fault: 'cut-before', rate: upTo(0.05) },
      { fault: 'cut-after', rate: upTo(0.1) },
      { fault: 'cut-upload', rate: upTo(0.05) },
      { fault: 'cut-download', rate: upTo(0.05) },
      { fault: 'slow-down', rate: upTo(0.05) },
      { fault: 'slow', rate: upTo(0.1), ms: 300 },
      { fault: 'drop', rate: upTo(0.3) },
      { fault: 'duplicate', rate: upTo(0.3), ms: 200 },
      { fault: 'delay', rate: upTo(0.3), ms: 700 },
      { fault: 'reorder', rate: upTo(0.3) },
    ],
  };
}

function sitesOf(seed: number): readonly SimulatedSite[] {
  const random = seededRandom('sites', seed);
  return Array.from({ length: 1 + Math.floor(random() * 4) }, (_, index) => ({
    id: `site-${index}`,
    samples: 1 + Math.floor(random() * 500),
    behaviour:
      index === 0 ? 'good' : pick(random, ['good', 'good', 'silent', 'fails', 'diverges', 'overclaims'] as const),
  }));
}

const quorumOf = (seed: number) => ({
  minFraction: pick(seededRandom('quorum', seed), [0.3, 0.6, 1]),
  closeAfterQuorumSeconds: seed % 2,
  deadlineSeconds: DEADLINE_SECONDS,
});

describe.concurrent('over HTTP, under all faults of the server', () => {
  test.each(Array.from({ length: SCHEDULES }, (_, seed) => seed))(
    'a campaign keeps every rule and ends: schedule %i',
    {
      timeout: 150_000,
    },
    async (seed) => {
      const campaign = smallCampaignWith(quorumOf(seed));
      const federation = await startAdversaryFederation(sitesOf(seed), faultsOf(seed));
      try {
        await eventually(() =>
          federation.context.federationStore.put(federationKeys.campaign(campaign.id), JSON.stringify(campaign)),
        );
        const faultPhase = sleep(FAULT_PHASE_MS);
        if (seed % 3 === 0) await pauseForASecond(federation, campaign.id);
        await faultPhase;
        expect(await federation.stopFaults()).toBeGreaterThan(0);
        const outcome = await outcomeOf(federation, campaign.id);

        // The first site is always good, so a campaign can only fail because its answer missed the deadline.
        if (outcome.status !== 'completed') expect(outcome.reason).toMatch(/no answer from [^.]*site-0\b/);
        const { faults, rounds } = await verifyCampaign(federation.context.federationStore, campaign.id);
        expect([...faults, ...rounds.flatMap((round) => round.faults)]).toEqual([]);
        if (outcome.status === 'completed') expect(rounds).toHaveLength(3);
        await expectSoundRounds(federation, campaign.id);
      } finally {
        await federation.close();
      }
    },
  );
});

describe.concurrent('over HTTP, honest sites commit the same as without', { timeout: 300_000 }, () => {
  let known: Promise<AttackedCampaign> | undefined;
  const expected = () => (known ??= runAttackedCampaign({}));

  test('a campaign whose third site fails', async () => {
    const { status, commits, faults } = await expected();
    expect(status).toBe('completed');
    expect(faults).toEqual([]);
    expect(commits).toMatchObject([
      { stage: 'teacher', round: 1, sites: ['bonn', 'kiel', 'mallory'] },
      { stage: 'teacher', round: 2, sites: ['bonn', 'kiel'] },
      { stage: 'evaluate', round: 1, sites: ['bonn', 'kiel'] },
    ]);
  });

  test.each<[string, Adversities]>([
    ['a hostile site', { isHostile: true }],
    ['the loss of all upload events', { losesUploads: true }],
    ['outages of the storage', { hasOutages: true }],
    [
      'all of them and other faults of the server',
      { isHostile: true, losesUploads: true, hasOutages: true, faults: faultsOf(7).rules },
    ],
  ])('%s', async (_, adversities) => {
    const { status, commits, faults, attacks, outages } = await runAttackedCampaign(adversities);

    expect(status).toBe('completed');
    expect(commits).toEqual((await expected()).commits);
    if (adversities.hasOutages) {
      expect(outages.map(({ code }) => code)).toEqual(expect.arrayContaining(['STORAGE_FULL', 'STORAGE_UNAVAILABLE']));
    } else expect(outages).toEqual([]);
    // The site has replaced what it sent honestly to the first round, and is named for it there.
    if (adversities.isHostile) {
      expect(attacks).toBeGreaterThan(80);
      expect(faults).toContainEqual(expect.stringMatching(/^teacher 1: mallory: .*update\.json is not JSON/));
      expect(faults.filter((fault) => !fault.startsWith('teacher 1: mallory: '))).toEqual([]);
    } else expect(faults).toEqual([]);
  });
});

async function pauseForASecond({ context }: AdversaryFederation, campaign: string): Promise<void> {
  await eventually(() => pauseCampaign(context, campaign));
  await sleep(1000);
  await eventually(() => resumeCampaign(context, campaign));
}

/** Checks that every round is sealed for a reason, from usable updates only, once, and merged to the plain mean. */
async function expectSoundRounds({ context, answers, created }: AdversaryFederation, campaign: string) {
  const { federationStore } = context;
  const stored = await collect(federationStore.list(federationKeys.campaignPrefix(campaign)));
  for (const { key } of stored.filter((object) => object.key.endsWith('/seal.json'))) {
    const at = parseRoundKey(key)!.at;
    const open = (await readJson(federationStore, federationKeys.open(at), openSchema)).value;
    const seal = (await readJson(federationStore, key, sealSchema)).value;
    const commit = (await tryReadJson(federationStore, federationKeys.commit(at), commitSchema))?.value;
    const sites = seal.updates.map(({ site }) => site);
    const answered = [...sites, ...seal.failed.map(({ site }) => site)].sort();
    const participants = open.participants.map(({ site }) => site);

    expect(answered, key).toEqual(participants.filter((site) => answered.includes(site)));
    const isLate = Date.parse(seal.at) >= Date.parse(open.deadline);
    expect(answered.length === participants.length || sites.length >= open.quorum || isLate, key).toBe(true);
    expect(seal.updates.map((update) => answers.get(update.key))).toEqual(sites.map(() => true));
    expect(commit?.sites ?? sites).toEqual(sites);
    if (commit?.global) {
      const inputs = seal.updates.map(async ({ samples, weights }) => ({
        samples,
        file: (await federationStore.get(weights!.key)).body,
      }));
      const model = await federationStore.get(commit.global.key);
      expect(Buffer.compare(model.body, plainMean(await Promise.all(inputs))), key).toBe(0);
    }
  }
  expect([...created].filter(([, times]) => times > 1)).toEqual([]);
}

async function outcomeOf({ context }: AdversaryFederation, campaign: string): Promise<Outcome> {
  const end = Date.now() + FAULT_FREE_MS;
  while (Date.now() < end) {
    const outcome = await tryReadJson(context.federationStore, federationKeys.outcome(campaign), outcomeSchema);
    if (outcome) return outcome.value;
    await sleep(100);
  }
  throw new Error(`The campaign has not ended ${FAULT_FREE_MS} ms after the fault phase.`);
}

/** Repeats a command that fails, as a person would. */
async function eventually(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      await work();
      return;
    } catch {
      await sleep(100);
    }
  }
}

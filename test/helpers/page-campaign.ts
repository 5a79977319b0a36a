import { federationKeys, type RoundAddress } from '../../lib/federation/keys.ts';
import { type Federation, federationSchema, planSchema } from '../../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import type { FederationStore, OpenBucket } from '../../lib/storage/contract.ts';

export interface GeneratedCampaign {
  readonly id: string;
  readonly sites: number;
  readonly rounds: number;
  /** Whether updates hold documents that the curves read. Without, only their keys are right. */
  readonly hasUpdates?: boolean;
}

const START = Date.parse('2026-03-02T08:00:00.000Z');
const HOUR = 3_600_000;
const timeOf = (hours: number): string => new Date(START + hours * HOUR).toISOString();
/** Every so many sites, one fails, one is refused, one is late and one does not answer, each in another round. */
const EVERY = 25;

const generatedFederation = (sites: number): Federation =>
  federationSchema.parse({
    schema: 'fedcardio.federation/1',
    id: 'fedcardio',
    sites: Array.from({ length: sites }, (_, index) => ({ id: siteId(index), name: `Hospital ${index + 1}` })),
  });

const siteId = (index: number): string => `site-${String(index + 1).padStart(4, '0')}`;

/** What became of a site in a round, so that every state is there. */
function fateOf(site: number, round: number): 'merged' | 'failed' | 'refused' | 'late' | 'missed' {
  const turn = (site + 7 * round) % EVERY;
  return turn === 3 ? 'failed' : turn === 8 ? 'refused' : turn === 13 ? 'late' : turn === 18 ? 'missed' : 'merged';
}

/**
 * Writes the documents of a campaign whose last round is open, without weights: enough to look at it, at any size. Hashes in
 * the chain are right.
 */
export async function generateCampaign(openBucket: OpenBucket, campaign: GeneratedCampaign): Promise<Federation> {
  const { id, sites, rounds } = campaign;
  const federation = generatedFederation(sites);
  const store: FederationStore = openBucket(names.federationBucket(federation.id));
  const source = canonicalJson({ schema: 'fedcardio.campaign/1', id, stages: [TEACHER_STAGE] });
  await store.put(federationKeys.campaign(id), source);
  const stage = { ...TEACHER_STAGE, rounds };
  const plan = canonicalJson(
    planSchema.parse({
      schema: 'fedcardio.plan/1',
      campaign: { schema: 'fedcardio.campaign/1', id, stages: [stage] },
      source: sha256Hex(source),
      at: timeOf(0),
    }),
  );
  await store.put(federationKeys.plan(id), plan);
  let previous = sha256Hex(plan);
  for (let round = 1; round <= rounds; round++) {
    previous = await writeRound(store, { campaign: id, stage: stage.name, round }, { stage, campaign, previous });
  }
  return federation;
}

interface RoundTerms {
  readonly stage: typeof TEACHER_STAGE;
  readonly campaign: GeneratedCampaign;
  readonly previous: string;
}

/** @returns the SHA-256 of the round's commit */
async function writeRound(store: FederationStore, at: RoundAddress, terms: RoundTerms): Promise<string> {
  const { stage, campaign, previous } = terms;
  const { round } = at;
  const all = Array.from({ length: campaign.sites }, (_, index) => index);
  const file = { key: federationKeys.global(at, 'f'.repeat(64)), sha256: 'f'.repeat(64), bytes: 1000 };
  const open = canonicalJson({
    schema: 'fedcardio.open/1',
    ...at,
    at: timeOf(round),
    deadline: timeOf(round + 24),
    config: stage,
    seed: round,
    participants: all.map((index) => ({ site: siteId(index), samples: samplesOf(index), summary: '"etag"' })),
    quorum: Math.ceil(campaign.sites / 2),
    base: round === 1 ? null : { commit: previous, ...file, state: null },
    previous,
  });
  await store.put(federationKeys.open(at), open);
  const isOpen = round === campaign.rounds;
  const answered = all.map((index) => ({ index, site: siteId(index), fate: fateOf(index, round) }));
  const updates = [];
  const failed = [];
  for (const { index, site, fate } of answered) {
    if (fate === 'missed') continue;
    const key = federationKeys.update(at, site, fate === 'failed' ? 'failed' : sha256Hex(`${site} ${round}`));
    const update = canonicalJson(updateOf(at, index, fate === 'failed'));
    if (!isOpen || campaign.hasUpdates || fate === 'failed') await store.put(key, update);
    if (fate === 'failed') failed.push({ site, key, reason: 'TRAINING_FAILED: out of memory' });
    if (fate === 'refused') failed.push({ site, key, reason: 'the weights are not finite' });
    if (fate === 'merged')
      updates.push({ site, key, sha256: sha256Hex(update), samples: samplesOf(index), weights: null });
  }
  if (isOpen) return previous;
  const seal = canonicalJson({
    ...{ schema: 'fedcardio.seal/1', ...at, at: timeOf(round + 0.8), open: sha256Hex(open) },
    updates,
    failed,
  });
  await store.put(federationKeys.seal(at), seal);
  const commit = canonicalJson({
    schema: 'fedcardio.commit/1',
    ...at,
    at: timeOf(round + 0.9),
    seal: sha256Hex(seal),
    previous,
    samples: updates.reduce((sum, { samples }) => sum + samples, 0),
    sites: updates.map(({ site }) => site),
    global: file,
    state: null,
    figures: { loss: lossOf(0, round) },
  });
  await store.put(federationKeys.commit(at), commit);
  return sha256Hex(commit);
}

const samplesOf = (site: number): number => 5 + (site % 40);
const lossOf = (site: number, round: number): number => 0.2 + 0.8 / round + 0.002 * (site % 30);

const updateOf = (at: RoundAddress, site: number, isFailure: boolean) => ({
  schema: 'fedcardio.update/1',
  ...at,
  site: siteId(site),
  at: timeOf(at.round + 0.5),
  ...(isFailure
    ? { status: 'failed', code: 'TRAINING_FAILED', reason: 'out of memory' }
    : {
        status: 'ok',
        samples: samplesOf(site),
        weights: null,
        base: null,
        figures: { loss: lossOf(site, at.round) },
        seconds: 60,
      }),
});

import { federationKeys, type RoundAddress } from '../../lib/federation/keys.ts';
import {
  campaignSchema,
  commitSchema,
  openSchema,
  planSchema,
  type Seal,
  type Stage,
  sealSchema,
  summarySchema,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import type { Document } from './documents.ts';

export interface GeneratedCampaign {
  readonly id: string;
  readonly sites: readonly string[];
  readonly rounds: number;
}

const START = Date.parse('2026-03-02T08:00:00.000Z');
const HOUR = 3_600_000;
const timeOf = (hours: number): string => new Date(START + hours * HOUR).toISOString();
/** Weights of an open round are there, so that its answers count; nothing reads them. */
const WEIGHTS = 'generated';
const BYTES = WEIGHTS.length;
/** In so many sites, one fails, one is refused, one is late and one does not answer, each in another round. */
const EVERY = 25;
const FAILED = { code: 'TRAINING_FAILED', reason: 'out of memory' } as const;
const REFUSED = 'the weights are not finite';

/** What became of a site in a round, so that every state is there. */
function fateOf(site: number, round: number): 'merged' | 'failed' | 'refused' | 'late' | 'missed' {
  const turn = (site + 7 * round) % EVERY;
  return turn === 3 ? 'failed' : turn === 8 ? 'refused' : turn === 13 ? 'late' : turn === 18 ? 'missed' : 'merged';
}

/**
 * The documents of a campaign that runs, at any size: all rounds but the last are committed, the last one waits for half of its
 * sites. Hashes in the chain are right. Weights are named, but only an open round has some.
 */
export function* campaignDocuments({ id, sites, rounds }: GeneratedCampaign): Generator<Document> {
  const stage: Stage = { ...TEACHER_STAGE, rounds };
  const campaign = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id, stages: [stage] });
  const source = JSON.stringify(campaign);
  yield { key: federationKeys.campaign(id), body: source };
  for (const [index, site] of sites.entries()) yield summaryOf(site, index);
  const plan = canonicalJson(
    planSchema.parse({ schema: 'fedcardio.plan/1', campaign, source: sha256Hex(source), at: timeOf(0) }),
  );
  yield { key: federationKeys.plan(id), body: plan };
  let link: Link = { previous: sha256Hex(plan), base: null };
  for (let round = 1; round <= rounds; round++) {
    link = yield* roundDocuments({ campaign: id, stage: stage.name, round }, { stage, sites, link, rounds });
  }
}

/** What a round begins with. */
interface Link {
  readonly previous: string;
  readonly base: { commit: string; key: string; sha256: string; bytes: number; state: null } | null;
}

interface RoundTerms {
  readonly stage: Stage;
  readonly sites: readonly string[];
  readonly rounds: number;
  readonly link: Link;
}

function* roundDocuments(at: RoundAddress, { stage, sites, rounds, link }: RoundTerms): Generator<Document, Link> {
  const { round } = at;
  const { previous, base } = link;
  const open = canonicalJson(
    openSchema.parse({
      ...{ schema: 'fedcardio.open/1', ...at, at: timeOf(round), deadline: timeOf(round + 24), config: stage },
      ...{ seed: round, base, previous, quorum: Math.ceil(sites.length / 2) },
      participants: sites.map((site, index) => ({ site, samples: samplesOf(index), summary: `"${site}"` })),
    }),
  );
  yield { key: federationKeys.open(at), body: open };
  const isOpen = round === rounds;
  const updates: Seal['updates'] = [];
  const failed: Seal['failed'] = [];
  for (const [index, site] of sites.entries()) {
    const fate = fateOf(index, round);
    if (fate === 'missed' || (isOpen && index % 2 === 1)) continue;
    const { document, sealed } = answerOf(at, site, index, { isFailed: fate === 'failed', base });
    yield document;
    const { key, weights } = sealed;
    if (isOpen) yield { key: weights.key, body: WEIGHTS };
    if (fate === 'merged') updates.push(sealed);
    if (fate === 'failed') failed.push({ site, key, reason: `${FAILED.code}: ${FAILED.reason}` });
    if (fate === 'refused') failed.push({ site, key, reason: REFUSED });
  }
  if (isOpen) return link;
  const seal = canonicalJson(
    sealSchema.parse({
      ...{ schema: 'fedcardio.seal/1', ...at, at: timeOf(round + 0.8), open: sha256Hex(open) },
      ...{ updates, failed },
    }),
  );
  yield { key: federationKeys.seal(at), body: seal };
  const sha256 = sha256Hex(seal);
  const global = { key: federationKeys.global(at, sha256), sha256, bytes: BYTES };
  const commit = canonicalJson(
    commitSchema.parse({
      ...{ schema: 'fedcardio.commit/1', ...at, at: timeOf(round + 0.9), seal: sha256, previous },
      samples: updates.reduce((sum, { samples }) => sum + samples, 0),
      sites: updates.map(({ site }) => site),
      ...{ global, state: null, figures: { loss: lossOf(0, round) } },
    }),
  );
  yield { key: federationKeys.commit(at), body: commit };
  const hash = sha256Hex(commit);
  return { previous: hash, base: { commit: hash, ...global, state: null } };
}

const samplesOf = (site: number): number => 5 + (site % 40);
const lossOf = (site: number, round: number): number => 0.2 + 0.8 / round + 0.002 * (site % 30);

interface AnswerTerms {
  readonly isFailed: boolean;
  readonly base: Link['base'];
}

/** The update of a site as it is stored, and as a seal names it. */
function answerOf(at: RoundAddress, site: string, index: number, { isFailed, base }: AnswerTerms) {
  const about = { schema: 'fedcardio.update/1', ...at, site, at: timeOf(at.round + 0.5) };
  const id = sha256Hex(`${site} ${at.round}`);
  const key = federationKeys.update(at, site, isFailed ? 'failed' : id);
  const samples = samplesOf(index);
  const weights = { key: federationKeys.updateWeights(at, site, id), sha256: id, bytes: BYTES };
  const body = canonicalJson(
    updateSchema.parse(
      isFailed
        ? { ...about, status: 'failed', ...FAILED }
        : {
            ...{ ...about, status: 'ok', samples, weights: { ...weights, delta: false }, base: base?.sha256 ?? null },
            ...{ figures: { loss: lossOf(index, at.round) }, seconds: 60 },
          },
    ),
  );
  return { document: { key, body }, sealed: { site, key, sha256: sha256Hex(body), samples, weights } };
}

function summaryOf(site: string, index: number): Document {
  const samples = samplesOf(index);
  const summary = summarySchema.parse({
    ...{ schema: 'fedcardio.summary/1', site, at: timeOf(0), labelled: { 'hinge-points': samples } },
    ...{ cases: { training: samples, evaluation: 5, rejected: 1 }, labelledEvaluation: {} },
  });
  return { key: federationKeys.summary(site), body: canonicalJson(summary) };
}

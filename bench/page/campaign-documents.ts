import type { CaseUse } from '../../lib/federation/keys.ts';
import { federationKeys, type RoundAddress } from '../../lib/federation/keys.ts';
import {
  campaignSchema,
  commitSchema,
  openSchema,
  planSchema,
  type Summary,
  sealSchema,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';

/** An object to store. */
export interface Document {
  readonly key: string;
  readonly body: string;
}

const START = Date.parse('2026-03-02T08:00:00Z');
const ROUND_SECONDS = 3600;
const BYTES = 1_328_256;
/** One site in so many fails in a round, and another one does not answer. */
const FAILS = 53;
const MISSES = 31;

const instant = (seconds: number): string => new Date(START + 1000 * seconds).toISOString();

/**
 * A campaign that runs: all rounds but the last are committed, the last one waits for half of its sites. Its documents are
 * a valid chain; weights are named, and not there.
 */
export function* campaignDocuments(campaign: string, sites: readonly string[], rounds: number): Generator<Document> {
  const input = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: campaign,
    stages: [
      {
        kind: 'teacher',
        name: 'teacher/hinge-points',
        task: 'hinge-points',
        rounds,
        model: { kind: 'unet', features: [8, 16] },
        training: { steps: 60, learningRate: 3e-3 },
      },
    ],
  });
  const [config] = input.stages;
  const source = JSON.stringify(input);
  yield { key: federationKeys.campaign(campaign), body: source };
  for (const site of sites) yield { key: federationKeys.summary(site), body: canonicalJson(summaryOf(site)) };
  const plan = canonicalJson(
    planSchema.parse({ schema: 'fedcardio.plan/1', campaign: input, source: sha256Hex(source), at: instant(0) }),
  );
  yield { key: federationKeys.plan(campaign), body: plan };

  let previous = sha256Hex(plan);
  let base: null | { commit: string; key: string; sha256: string; bytes: number; state: null } = null;
  for (let round = 1; round <= rounds; round++) {
    const at = { campaign, stage: 'teacher/hinge-points', round };
    const begun = round * ROUND_SECONDS;
    const open = canonicalJson(
      openSchema.parse({
        ...{
          schema: 'fedcardio.open/1',
          ...at,
          at: instant(begun),
          deadline: instant(begun + 86_400),
          config,
          seed: 7,
        },
        base,
        participants: sites.map((site, index) => ({ site, samples: samplesOf(index), summary: `"${site}"` })),
        quorum: Math.ceil(sites.length / 2),
        previous,
      }),
    );
    yield { key: federationKeys.open(at), body: open };
    const isLast = round === rounds;
    const answered = sites.flatMap((site, index) => {
      const isMissing = (index + round) % MISSES === 0 || (isLast && index % 2 === 0);
      return isMissing ? [] : [answerOf(at, site, index, begun, base?.sha256 ?? null)];
    });
    for (const { key, body } of answered) yield { key, body };
    if (isLast) return;
    const seal = canonicalJson(
      sealSchema.parse({
        ...{ schema: 'fedcardio.seal/1', ...at, at: instant(begun + 1800), open: sha256Hex(open) },
        updates: answered.flatMap(({ sealed }) => sealed ?? []),
        failed: answered.flatMap(({ failed }) => failed ?? []),
      }),
    );
    yield { key: federationKeys.seal(at), body: seal };
    const merged = answered.flatMap(({ sealed }) => sealed ?? []);
    const global = {
      key: `${federationKeys.models(at)}${sha256Hex(seal).slice(0, 16)}.safetensors`,
      sha256: sha256Hex(seal),
      bytes: BYTES,
    };
    const commit = canonicalJson(
      commitSchema.parse({
        ...{ schema: 'fedcardio.commit/1', ...at, at: instant(begun + 1860), seal: sha256Hex(seal), previous },
        samples: merged.reduce((sum, { samples }) => sum + samples, 0),
        sites: merged.map(({ site }) => site),
        global,
        state: null,
        figures: { loss: lossOf(round, 0), steps: 60 },
      }),
    );
    yield { key: federationKeys.commit(at), body: commit };
    previous = sha256Hex(commit);
    base = { commit: previous, ...global, state: null };
  }
}

const samplesOf = (index: number): number => 1 + (index % 40);
const lossOf = (round: number, index: number): number => 1 / (1 + round / 5) + (index % 17) / 100;

function answerOf(at: RoundAddress, site: string, index: number, begun: number, base: string | null) {
  const about = { schema: 'fedcardio.update/1', ...at, site, at: instant(begun + 60 + (index % 1500)) };
  const sha256 = sha256Hex(`${site} ${at.round}`);
  if ((index + at.round) % FAILS === 0) {
    const [code, reason] = ['TRAINING_DIVERGED', 'The loss is not finite.'];
    const key = federationKeys.update(at, site, 'failed');
    const body = canonicalJson(updateSchema.parse({ ...about, status: 'failed', code, reason }));
    return { key, body, failed: { site, key, reason } };
  }
  const key = federationKeys.update(at, site, sha256);
  const weights = { key: federationKeys.updateWeights(at, site, sha256), sha256, bytes: BYTES };
  const samples = samplesOf(index);
  const body = canonicalJson(
    updateSchema.parse({
      ...{ ...about, status: 'ok', samples, weights: { ...weights, delta: false }, base },
      ...{ figures: { loss: lossOf(at.round, index), steps: 60 }, seconds: 512, backend: 'generated', peakRss: 7e8 },
    }),
  );
  return { key, body, sealed: { site, key, sha256: sha256Hex(body), samples, weights } };
}

const summaryOf = (site: string): Summary => ({
  schema: 'fedcardio.summary/1',
  site,
  at: instant(0),
  cases: { training: 40, evaluation: 5, rejected: 1 },
  labelled: { 'hinge-points': 40 },
  labelledEvaluation: {},
});

/** What a case is for, by its number: one in ten is held out. */
export const useOf = (index: number): CaseUse => (index % 10 === 0 ? 'evaluation' : 'training');

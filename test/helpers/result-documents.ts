import { federationKeys } from '../../lib/federation/keys.ts';
import {
  campaignSchema,
  commitSchema,
  openSchema,
  planSchema,
  type Score,
  type Seal,
  sealSchema,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import type { Document } from './documents.ts';

const AT = '2026-03-02T08:00:00.000Z';
const LATER = '2026-03-02T09:00:00.000Z';
const HASH = 'e'.repeat(64);

/** Scores of each site; a site without any takes part and has not answered. */
export type SiteScores = Readonly<Record<string, readonly Score[] | undefined>>;

/** A campaign whose evaluation scores a student with pseudo-labels, `s`, and one without, `control`. */
function evaluatingCampaign(id: string) {
  const training = { steps: 1, learningRate: 1e-3 };
  const learning = { rounds: 1, model: { kind: 'unet' as const, features: [8, 16] }, training };
  const task = 'hinge-points';
  return campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id,
    stages: [
      { kind: 'teacher', name: 'teacher', task, ...learning },
      { kind: 'pseudo-label', name: 'pseudo', teachers: ['teacher'] },
      { kind: 'student', name: 'with', tasks: [task], pseudoLabels: 'pseudo', ...learning },
      { kind: 'student', name: 'without', tasks: [task], ...learning },
      { kind: 'evaluate', name: 'evaluate', models: { s: 'with', control: 'without' } },
    ],
  });
}

/** The documents of a campaign of which only the evaluation is there. */
export function* resultDocuments(id: string, scores: SiteScores): Generator<Document> {
  const campaign = evaluatingCampaign(id);
  const plan = canonicalJson(planSchema.parse({ schema: 'fedcardio.plan/1', campaign, source: HASH, at: AT }));
  yield { key: federationKeys.campaign(id), body: canonicalJson(campaign) };
  yield { key: federationKeys.plan(id), body: plan };
  const at = { campaign: id, stage: 'evaluate', round: 1 };
  const updates: Seal['updates'] = [];
  for (const [site, own] of Object.entries(scores)) {
    if (!own) continue;
    const key = federationKeys.update(at, site, 'report');
    const update = canonicalJson(
      updateSchema.parse({
        ...{ schema: 'fedcardio.update/1', ...at, site, at: LATER, status: 'ok', samples: 2, weights: null },
        ...{ base: null, figures: {}, scores: own, seconds: 1 },
      }),
    );
    yield { key, body: update };
    updates.push({ site, key, sha256: sha256Hex(update), samples: 2, weights: null });
  }
  const open = canonicalJson(
    openSchema.parse({
      ...{ schema: 'fedcardio.open/1', ...at, at: AT, deadline: LATER, config: campaign.stages.at(-1), seed: 0 },
      participants: Object.keys(scores).map((site) => ({ site, samples: 2, summary: '"etag"' })),
      ...{ quorum: 1, base: null, previous: sha256Hex(plan) },
    }),
  );
  const seal = canonicalJson(
    sealSchema.parse({
      ...{ schema: 'fedcardio.seal/1', ...at, at: LATER, open: sha256Hex(open), updates, failed: [] },
    }),
  );
  const sites = updates.map(({ site }) => site);
  const commit = canonicalJson(
    commitSchema.parse({
      ...{ schema: 'fedcardio.commit/1', ...at, at: LATER, seal: sha256Hex(seal), previous: sha256Hex(plan) },
      ...{ samples: 2 * sites.length, sites, global: null, state: null, figures: {} },
    }),
  );
  yield { key: federationKeys.open(at), body: open };
  yield { key: federationKeys.seal(at), body: seal };
  yield { key: federationKeys.commit(at), body: commit };
}

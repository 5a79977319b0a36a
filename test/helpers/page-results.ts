import { federationKeys } from '../../lib/federation/keys.ts';
import { campaignSchema, type Federation, planSchema, type Score } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import type { FederationStore, OpenBucket } from '../../lib/storage/contract.ts';

const AT = '2026-03-02T08:00:00.000Z';
const LATER = '2026-03-02T09:00:00.000Z';
const HASH = 'e'.repeat(64);

/** Scores of each site; a site without any takes part and has not answered. */
export type SiteScores = Readonly<Record<string, readonly Score[] | undefined>>;

/** Stages whose evaluation scores a student with pseudo-labels, `s`, and one without, `control`. */
function evaluatingStages() {
  const training = { steps: 1, learningRate: 1e-3 };
  const learning = { rounds: 1, model: { kind: 'unet' as const, features: [8, 16] }, training };
  const task = 'hinge-points';
  return campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'c',
    stages: [
      { kind: 'teacher', name: 'teacher', task, ...learning },
      { kind: 'pseudo-label', name: 'pseudo', teachers: ['teacher'] },
      { kind: 'student', name: 'with', tasks: [task], pseudoLabels: 'pseudo', ...learning },
      { kind: 'student', name: 'without', tasks: [task], ...learning },
      { kind: 'evaluate', name: 'evaluate', models: { s: 'with', control: 'without' } },
    ],
  }).stages;
}

/** Writes a campaign of which only the evaluation is there. */
export async function writeResults(openBucket: OpenBucket, id: string, scores: SiteScores): Promise<Federation> {
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: 'fedcardio',
    sites: Object.keys(scores).map((site) => ({ id: site, name: site })),
  };
  const store: FederationStore = openBucket(names.federationBucket(federation.id));
  const stages = evaluatingStages();
  const campaign = { schema: 'fedcardio.campaign/1', id, stages };
  const plan = canonicalJson(planSchema.parse({ schema: 'fedcardio.plan/1', campaign, source: HASH, at: AT }));
  await store.put(federationKeys.campaign(id), canonicalJson(campaign));
  await store.put(federationKeys.plan(id), plan);
  const at = { campaign: id, stage: 'evaluate', round: 1 };
  const open = canonicalJson({
    ...{ schema: 'fedcardio.open/1', ...at, at: AT, deadline: LATER, config: stages.at(-1), seed: 0 },
    participants: Object.keys(scores).map((site) => ({ site, samples: 2, summary: '"etag"' })),
    ...{ quorum: 1, base: null, previous: sha256Hex(plan) },
  });
  const updates = [];
  for (const [site, own] of Object.entries(scores)) {
    if (!own) continue;
    const key = federationKeys.update(at, site, 'report');
    const update = canonicalJson({
      ...{ schema: 'fedcardio.update/1', ...at, site, at: LATER, status: 'ok', samples: 2, weights: null, base: null },
      ...{ figures: {}, scores: own, seconds: 1 },
    });
    await store.put(key, update);
    updates.push({ site, key, sha256: sha256Hex(update), samples: 2, weights: null });
  }
  const seal = canonicalJson({
    ...{ schema: 'fedcardio.seal/1', ...at, at: LATER, open: sha256Hex(open), updates, failed: [] },
  });
  await store.put(federationKeys.open(at), open);
  await store.put(federationKeys.seal(at), seal);
  const sites = updates.map(({ site }) => site);
  await store.put(
    federationKeys.commit(at),
    canonicalJson({
      ...{ schema: 'fedcardio.commit/1', ...at, at: LATER, seal: sha256Hex(seal), previous: sha256Hex(plan) },
      ...{ samples: 2 * sites.length, sites, global: null, state: null, figures: {} },
    }),
  );
  return federation;
}

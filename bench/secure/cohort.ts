import { createObjectStorage } from '../../lib/aws/objects.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import {
  type CohortDocument,
  campaignSchema,
  cohortSchema,
  type GpuTaskMessage,
  type ModelConfig,
  type Plan,
  siteKeysSchema,
  siteSharesSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import { planCampaign } from '../../lib/protocol/plan.ts';
import { answerStep } from '../../lib/protocol/secure/answer-step.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';

/** Sites that have set up a stage, with the time that it took them. Their own buckets are in memory. */
export async function setUpCohort(endpoint: string, sites: number, rounds: number, model: ModelConfig) {
  const now = () => new Date('2026-03-02T08:00:00Z');
  const { federationStore } = storesOf(createObjectStorage({ endpoint }), 'heart');
  const { siteStore } = storesOf(createMemoryStorage({ now }), 'heart');
  const context = { federationStore, siteStore, now, log: () => undefined };
  const names = Array.from({ length: sites }, (_, i) => `site-${String(i).padStart(2, '0')}`);
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'bench',
    privacy: { secureAggregation: {} },
    stages: [
      {
        kind: 'teacher',
        name: 'teacher',
        task: 'hinge-points',
        rounds,
        model,
        training: { steps: 1, learningRate: 0.001 },
      },
    ],
  });
  const plan: Plan = planCampaign('bench', { value: campaign, sha256: sha256Hex('') }, now());
  const body = canonicalJson(plan);
  await federationStore.put(federationKeys.plan('bench'), body);
  const at = { campaign: 'bench', stage: 'teacher' };
  const ask = (site: string, step: 'keys' | 'shares') =>
    answerStep(context, {
      schema: 'fedcardio.step/1',
      federation: 'heart',
      site,
      ...at,
      step,
      plan: sha256Hex(body),
    });
  for (const site of names) await ask(site, 'keys');
  const members = [];
  for (const site of names) {
    const key = federationKeys.stepAnswer(at, site, 'keys');
    const { value } = await readJson(federationStore, key, siteKeysSchema);
    members.push({ site, samples: 300, identity: value.identity, keys: value.keys });
  }
  const wait = { at: now().toISOString(), deadline: now().toISOString() };
  const document: CohortDocument = cohortSchema.parse({
    schema: 'fedcardio.cohort/1',
    ...wait,
    cohort: { ...at, plan: sha256Hex(body), attempt: 1, sites: names, threshold: Math.ceil((2 * sites) / 3), rounds },
    terms: { range: 1, totalWeight: 300 * sites, sites, headroom: 0 },
    members,
  });
  const cohortBody = canonicalJson(document);
  await federationStore.put(federationKeys.cohort({ ...at, attempt: 1 }), cohortBody);
  const started = performance.now();
  for (const site of names) await ask(site, 'shares');
  const sharesSeconds = (performance.now() - started) / 1000 / sites;
  const [stage] = plan.campaign.stages;
  const message = (site: string): GpuTaskMessage => ({
    schema: 'fedcardio.task/2',
    federation: 'heart',
    site,
    ...at,
    round: 1,
    ...wait,
    config: stage as GpuTaskMessage['config'],
    seed: plan.campaign.seed,
    base: null,
    secure: { cohort: sha256Hex(cohortBody), attempt: 1, threshold: document.cohort.threshold },
    resent: false,
  });
  const shares = await readJson(
    federationStore,
    federationKeys.stepAnswer({ ...at, attempt: 1 }, 'site-00', 'shares'),
    siteSharesSchema,
  );
  const sharesMB = Buffer.byteLength(canonicalJson(shares.value)) / 1e6;
  return { ...context, names, plan, document, message, sharesSeconds, sharesMB };
}

import { type CaseUse, federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { createJson } from '../lib/federation/protocol/documents.ts';
import { stageOf } from '../lib/federation/protocol/plan.ts';
import {
  type CampaignInput,
  campaignSchema,
  type Open,
  type Plan,
  planSchema,
  type TaskMessage,
} from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { intakeCase } from '../lib/intake/intake.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import type { Objects } from '../lib/storage/contract.ts';
import { ballCase } from '../lib/training/toy-cases.ts';
import { createCache } from './cache.ts';
import type { TaskContext } from './context.ts';

/** For tests: one site, Berlin, with what its tasks need in storage. */

const FEDERATION = 'tavi';
export const SITE = 'berlin';
export const SITE_BUCKET = names.siteBucket(FEDERATION, SITE);
export const FEDERATION_BUCKET = names.federationBucket(FEDERATION);
const NOW = new Date(Date.UTC(2026, 0, 1));
const SHA = '0'.repeat(64);

/** A teacher of calcium, its pseudo-labels, and its scores. */
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 1,
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: 'calcification',
      rounds: 2,
      model: { kind: 'unet', features: [4, 8] },
      training: { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0 },
    },
    { kind: 'pseudo-label', name: 'label', teachers: ['teacher'], filter: { minConfidence: 0 } },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher' }, predictions: 'teacher' },
  ],
};

/** Uploads a CT with a ball of calcium, labelled or not, and lets intake catalogue it. */
export async function uploadCase(objects: Objects, use: CaseUse, caseId: string, labelled: boolean): Promise<void> {
  const { image, targets } = ballCase(caseId, 16, 6, ['calcification']);
  const hu = Int16Array.from(image.data, (value) => value * 220 + 125);
  await objects.put(SITE_BUCKET, siteKeys.image(use, caseId), writeNifti({ ...image, data: hu }));
  const target = targets.get('calcification');
  if (labelled && target?.kind === 'mask') {
    await objects.put(SITE_BUCKET, siteKeys.label(use, caseId, 'calcification'), writeNifti(target.mask));
  }
  await intakeCase({ objects, bucket: SITE_BUCKET, site: SITE, now: () => NOW }, caseId);
}

/** The message that asks Berlin to take part in a round. Sent again, so that the task looks before it runs. */
export async function openRound(
  objects: Objects,
  stage: string,
  round: number,
  base: Open['base'] = null,
): Promise<TaskMessage> {
  const campaign = campaignSchema.parse(CAMPAIGN);
  const time = NOW.toISOString();
  const plan: Plan = { schema: 'fedcardio.plan/1', campaign, source: SHA, at: time };
  await createJson(objects, FEDERATION_BUCKET, federationKeys.plan(campaign.id), planSchema, plan);
  return {
    schema: 'fedcardio.task/1',
    federation: FEDERATION,
    site: SITE,
    campaign: campaign.id,
    stage,
    round,
    at: time,
    deadline: time,
    config: stageOf(plan, stage),
    seed: campaign.seed,
    base,
    resent: true,
  };
}

/** A task's context on this machine's best backend, and what it was told on the way. */
export async function taskContext(objects: Objects) {
  const { description } = await loadBackend();
  const steps: number[] = [];
  const logged: string[] = [];
  const context: TaskContext = {
    objects,
    cache: createCache(2 ** 20),
    backend: description,
    now: () => NOW,
    log: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
    progress: ({ done }) => steps.push(done),
  };
  return { context, steps, logged };
}

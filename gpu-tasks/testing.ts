import { collect } from '../lib/async.ts';
import { type CaseUse, federationKeys, siteKeys, UPDATE_SUFFIX } from '../lib/federation/keys.ts';
import {
  type CampaignInput,
  campaignSchema,
  commitSchema,
  type GpuTaskMessage,
  type Open,
  type Plan,
  planSchema,
  type Update,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { intakeCase } from '../lib/intake/intake.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { stageOf } from '../lib/protocol/plan.ts';
import type { Objects } from '../lib/storage/contract.ts';
import { createJson, readJson } from '../lib/storage/documents.ts';
import { ballCase } from '../lib/training/testing-cases.ts';
import { createCache } from './cache.ts';
import { type GpuTaskContext, NO_INTERRUPTION } from './context.ts';

/** For tests: one site, Berlin, with what its tasks need in storage, and others where a test names them. */

const FEDERATION = 'tavi';
export const SITE = 'berlin';
export const siteBucket = (site: string) => names.siteBucket(FEDERATION, site);
export const SITE_BUCKET = siteBucket(SITE);
export const FEDERATION_BUCKET = names.federationBucket(FEDERATION);
const NOW = new Date(Date.UTC(2026, 0, 1));
const SHA = '0'.repeat(64);

type TeacherInput = Extract<CampaignInput['stages'][number], { kind: 'teacher' }>;

/** What a test's teacher differs in. The plan is frozen with the first round that a test opens. */
export interface TeacherOptions {
  readonly rounds?: number;
  readonly training?: Partial<TeacherInput['training']>;
  readonly encoding?: TeacherInput['encoding'];
}

/** A teacher of calcium, its pseudo-labels, and its scores. */
const campaignOf = ({ rounds = 2, training, encoding }: TeacherOptions): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 1,
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: 'calcification',
      rounds,
      model: { kind: 'unet', features: [4, 8] },
      training: { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0, ...training },
      encoding,
    },
    { kind: 'pseudo-label', name: 'label', teachers: ['teacher'], filter: { minConfidence: 0 } },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher' }, predictions: 'teacher' },
  ],
});

/** Uploads a CT with a ball of calcium, labelled or not, and lets intake catalog it. */
export async function uploadCase(
  objects: Objects,
  use: CaseUse,
  caseId: string,
  labelled: boolean,
  site = SITE,
): Promise<void> {
  const bucket = siteBucket(site);
  const { image, targets } = ballCase(caseId, 16, 6, ['calcification']);
  const hu = Int16Array.from(image.data, (value) => value * 220 + 125);
  await objects.put(bucket, siteKeys.image(use, caseId), writeNifti({ ...image, data: hu }));
  const target = targets.get('calcification');
  if (labelled && target?.kind === 'mask') {
    await objects.put(bucket, siteKeys.label(use, caseId, 'calcification'), writeNifti(target.mask));
  }
  await intakeCase({ objects, bucket, site, now: () => NOW }, caseId);
}

/** The message that asks a site to take part in a round. Sent again, so that the task looks before it runs. */
export async function openRound(
  objects: Objects,
  stage: string,
  round: number,
  base: Open['base'] = null,
  { site = SITE, ...teacher }: TeacherOptions & { readonly site?: string } = {},
): Promise<GpuTaskMessage> {
  const campaign = campaignSchema.parse(campaignOf(teacher));
  const time = NOW.toISOString();
  const plan: Plan = { schema: 'fedcardio.plan/1', campaign, source: SHA, at: time };
  await createJson(objects, FEDERATION_BUCKET, federationKeys.plan(campaign.id), planSchema, plan);
  return {
    schema: 'fedcardio.task/1',
    federation: FEDERATION,
    site,
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

/** The one update that a site left in a round. */
export async function updateOf(objects: Objects, message: GpuTaskMessage): Promise<Update> {
  const prefix = federationKeys.siteUpdates(message, message.site);
  const keys = (await collect(objects.list(FEDERATION_BUCKET, prefix)))
    .map(({ key }) => key)
    .filter((key) => key.endsWith(UPDATE_SUFFIX));
  const [key, ...more] = keys;
  if (!key || more.length > 0) throw new Error(`${keys.length} updates below ${prefix}`);
  return (await readJson(objects, FEDERATION_BUCKET, key, updateSchema)).value;
}

/** Commits the weights of one site's update as the round's global model: what the next round starts from. */
export async function commitUpdateOf(objects: Objects, message: GpuTaskMessage): Promise<Open['base']> {
  const { campaign, stage, round } = message;
  const update = await updateOf(objects, message);
  if (update.status !== 'ok' || !update.weights) throw new Error('the task left no weights');
  const { key, sha256, bytes } = update.weights;
  const commit = await createJson(objects, FEDERATION_BUCKET, federationKeys.commit(message), commitSchema, {
    schema: 'fedcardio.commit/1',
    campaign,
    stage,
    round,
    at: update.at,
    seal: sha256,
    previous: sha256,
    samples: 1,
    sites: [message.site],
    global: { key, sha256, bytes },
    state: null,
    figures: {},
  });
  return { commit: commit.sha256, key, sha256, bytes, state: null };
}

/** A task's context on this machine's best backend, and what it was told on the way. */
export async function gpuTaskContext(objects: Objects) {
  const { description } = await loadBackend();
  const steps: number[] = [];
  const logged: string[] = [];
  const context: GpuTaskContext = {
    objects,
    cache: createCache(2 ** 20),
    backend: description,
    memoryLimit: undefined,
    now: () => NOW,
    log: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
    progress: ({ done }) => steps.push(done),
    interruption: NO_INTERRUPTION,
  };
  return { context, steps, logged };
}

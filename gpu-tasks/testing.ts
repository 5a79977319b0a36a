import { collect } from '../lib/async.ts';
import { type CaseUse, federationKeys, siteKeys, UPDATE_SUFFIX } from '../lib/federation/keys.ts';
import {
  type CampaignInput,
  campaignSchema,
  commitSchema,
  type GpuTaskMessage,
  mergedSchema,
  type Open,
  type Plan,
  planSchema,
  type Update,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../lib/federation/tasks.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { intakeCase } from '../lib/intake/intake.ts';
import { canonicalJson } from '../lib/json.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { agreeToAll, consentTo } from '../lib/protocol/consent/at-site.ts';
import { stageOf } from '../lib/protocol/plan.ts';
import type { OpenBucket, Stores } from '../lib/storage/contract.ts';
import { createJson, documentBody, readJson, tryReadJson } from '../lib/storage/documents.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { ballCase } from '../lib/training/testing-cases.ts';
import { asSiteRole } from '../test/helpers/roles.ts';
import { createCache } from './cache.ts';
import { type GpuTaskContext, NO_INTERRUPTION } from './context.ts';

/** Helpers for tests of GPU tasks: the site Berlin, and other sites if a test names them. */

const FEDERATION = 'tavi';
export const SITE = 'berlin';

/** The stores of the federation under test. */
export const stores = (openBucket: OpenBucket = createMemoryStorage()): Stores => storesOf(openBucket, FEDERATION);
const NOW = new Date(Date.UTC(2026, 0, 1));
const SHA = '0'.repeat(64);

type TeacherInput = Extract<CampaignInput['stages'][number], { kind: 'teacher' }>;

/** Changes to the default teacher. A round that is opened without any has the plan before; one with others starts the campaign again. */
export interface TeacherOptions {
  readonly rounds?: number;
  readonly training?: Partial<TeacherInput['training']>;
  readonly encoding?: TeacherInput['encoding'];
  /** Adds a stage `validate` that scores the validation cases. */
  readonly validation?: CampaignInput['validation'];
  readonly validate?: TeacherInput['validate'];
  readonly privacy?: CampaignInput['privacy'];
  /** Stages after those of the campaign. */
  readonly more?: CampaignInput['stages'];
}

/** A teacher for calcium, its pseudo-labels, and its evaluation. */
const campaignOf = ({
  rounds = 2,
  training,
  encoding,
  validation,
  validate,
  privacy,
  more = [],
}: TeacherOptions): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 1,
  ...(validation && { validation }),
  ...(privacy && { privacy }),
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: 'calcification',
      rounds,
      model: { kind: 'unet', features: [4, 8] },
      training: { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0, ...training },
      encoding,
      ...(validate && { validate }),
    },
    { kind: 'pseudo-label', name: 'label', teachers: ['teacher'], filter: { minConfidence: 0 } },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher' }, predictions: 'teacher' },
    ...(validation
      ? [{ kind: 'evaluate', name: 'validate', models: { teacher: 'teacher' }, cases: 'validation' } as const]
      : []),
    ...more,
  ],
});

/** Uploads a CT with a ball of calcium, labelled or not, and lets intake catalog it. */
export async function uploadCase(
  { siteStore }: Stores,
  use: CaseUse,
  caseId: string,
  labelled: boolean,
  site = SITE,
): Promise<void> {
  const store = siteStore(site);
  const { image, targets } = ballCase(caseId, 16, 6, ['calcification']);
  const hu = Int16Array.from(image.data, (value) => value * 220 + 125);
  await store.put(siteKeys.image(use, caseId), writeNifti({ ...image, data: hu }));
  const target = targets.get('calcification');
  if (labelled && target?.kind === 'mask') {
    await store.put(siteKeys.label(use, caseId, 'calcification'), writeNifti(target.mask));
  }
  await intakeCase({ store, site, tasks: DEFAULT_TASKS, now: () => NOW }, caseId);
}

/**
 * The message of a site's GPU task for a round, marked as resent so that the GPU task checks whether it is due. The site agrees
 * to the campaign.
 */
export async function openRound(
  { federationStore, siteStore }: Stores,
  stage: string,
  round: number,
  base: Open['base'] = null,
  { site = SITE, ...teacher }: TeacherOptions & { readonly site?: string } = {},
): Promise<GpuTaskMessage> {
  const time = NOW.toISOString();
  const store = siteStore(site);
  const key = federationKeys.plan(campaignOf({}).id);
  const before = (await tryReadJson(federationStore, key, planSchema))?.value;
  const made = (): Plan => {
    const campaign = campaignSchema.parse(campaignOf(teacher));
    return { schema: 'fedcardio.plan/1', campaign, tasks: [...DEFAULT_TASKS], source: SHA, at: time };
  };
  const plan = before && Object.keys(teacher).length === 0 ? before : made();
  const { campaign } = plan;
  if (canonicalJson(plan) !== canonicalJson(before ?? null)) {
    await federationStore.put(key, documentBody(planSchema, plan));
    await store.delete(siteKeys.consent(campaign.id));
  }
  await agreeToAll(store, site, NOW);
  await consentTo({ site, store, federationStore, now: () => NOW }, campaign.id, { isRepeated: false });
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

/** The only update of a site in a round. */
export async function updateOf({ federationStore }: Stores, message: GpuTaskMessage): Promise<Update> {
  const prefix = federationKeys.siteUpdates(message, message.site);
  const keys = (await collect(federationStore.list(prefix)))
    .map(({ key }) => key)
    .filter((key) => key.endsWith(UPDATE_SUFFIX));
  const [key, ...more] = keys;
  if (!key || more.length > 0) throw new Error(`There are ${keys.length} updates below ${prefix}.`);
  return (await readJson(federationStore, key, updateSchema)).value;
}

/** Commits one site's update as the round's global model, from which the next round starts. */
export async function commitUpdateOf(of: Stores, message: GpuTaskMessage): Promise<Open['base']> {
  const { campaign, stage, round } = message;
  const update = await updateOf(of, message);
  if (update.status !== 'ok' || !update.weights) throw new Error('The GPU task published no weights.');
  const { sha256, bytes } = update.weights;
  const key = federationKeys.global(message, sha256.slice(0, 16));
  await of.federationStore.put(key, (await of.federationStore.get(update.weights.key)).body);
  const merged = { schema: 'fedcardio.merged/1' as const, campaign, stage, round, global: { key, sha256, bytes } };
  await createJson(of.federationStore, federationKeys.merged(message), mergedSchema, merged);
  const commit = await createJson(of.federationStore, federationKeys.commit(message), commitSchema, {
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

/**
 * The context of a site's GPU task with its role's access and this machine's best backend, what the GPU task reports, and which
 * models it reads.
 */
export async function gpuTaskContext(of: Stores, site = SITE) {
  const { description } = await loadBackend();
  const steps: number[] = [];
  const logged: string[] = [];
  const read: string[] = [];
  const access = asSiteRole(of, site, 'task');
  const context: GpuTaskContext = {
    ...access,
    federationStore: {
      ...access.federationStore,
      get: (key) => {
        read.push(key);
        return access.federationStore.get(key);
      },
    },
    checkpointStore: access.siteStore,
    cache: createCache(2 ** 20),
    backend: description,
    memoryLimit: undefined,
    now: () => NOW,
    log: (event, fields) => logged.push(JSON.stringify({ event, ...fields })),
    progress: ({ done }) => steps.push(done),
    interruption: NO_INTERRUPTION,
  };
  return { context, steps, logged, read };
}

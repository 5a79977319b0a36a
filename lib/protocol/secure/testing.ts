import { collect } from '../../async.ts';
import { type FederationKey, federationKeys } from '../../federation/keys.ts';
import {
  type CampaignInput,
  type CohortDocument,
  campaignSchema,
  cohortSchema,
  outcomeSchema,
  type Plan,
  type Step,
  type StepMessage,
  siteKeysSchema,
  stepMessageSchema,
} from '../../federation/schemas.ts';
import { canonicalJson, parseDocument, sha256Hex } from '../../json.ts';
import type { Signed } from '../../privacy/site-keys.ts';
import { type UpdateMessage, updateMessage } from '../../privacy/update-message.ts';
import type { FederationStore, ObjectStore, Stores } from '../../storage/contract.ts';
import { type Document, readJson, tryReadJson } from '../../storage/documents.ts';
import { storesOf } from '../../storage/stores.ts';
import { createMemoryStorage } from '../../storage/testing-objects.ts';
import { type RefusalName, withUnreadable } from '../../storage/testing-unreadable.ts';
import type { CoordinatorContext } from '../context.ts';
import { type LearningStage, planCampaign } from '../plan.ts';
import { answerStep, type StepContext } from './answer-step.ts';
import { openCohort } from './cohort.ts';
import { keepSent, siteSecrets } from './site-keys.ts';

/** Helpers of tests of one stage with secure aggregation. */

export const SITES = ['berlin', 'hamburg', 'munich', 'ulm'];
export const STAGE = { campaign: 'tavi', stage: 'teacher' };
export const SETUP = { ...STAGE, attempt: 1 };
export const AT = { ...STAGE, round: 1 };
/** A day, as long as a stage waits if its quorum does not say. */
export const WAIT = { at: '2026-03-02T08:00:00.000Z', deadline: '2026-03-03T08:00:00.000Z' };
export const DAY_SECONDS = 86_400;

type StageInput = Partial<Extract<CampaignInput['stages'][number], { kind: 'teacher' }>>;
type TermsInput = NonNullable<NonNullable<CampaignInput['privacy']>['secureAggregation']>;

/** The plan of a campaign with one stage of two rounds, with the given fields replaced. */
export function securePlan(stage: StageInput = {}, secureAggregation: TermsInput = {}): Document<Plan> {
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: STAGE.campaign,
    privacy: { secureAggregation },
    stages: [
      {
        kind: 'teacher',
        name: STAGE.stage,
        task: 'hinge-points',
        rounds: 2,
        sites: SITES,
        model: { kind: 'unet', features: [2, 4] },
        training: { steps: 1, learningRate: 0.001 },
        ...stage,
      },
    ],
  });
  const value = planCampaign(campaign.id, { value: campaign, sha256: sha256Hex('') }, new Date(WAIT.at));
  return { value, sha256: sha256Hex(canonicalJson(value)) };
}

/** Asks a site for a short answer. `at` is the attempt of `keys` and `shares`, and the round of the others. */
export const stepMessage = (
  plan: string,
  step: Step,
  site = 'berlin',
  at: { readonly round?: number; readonly attempt?: number } = {},
): StepMessage => ({ schema: 'fedcardio.step/1', federation: 'heart', site, ...STAGE, ...at, step, plan });

/** The cohort of sites that are asked for their keys, each with four cases. */
export async function cohortOf(
  context: StepContext,
  plan: string,
  sites: readonly string[],
  attempt: number,
): Promise<CohortDocument> {
  const members = await Promise.all(
    sites.map(async (site) => {
      await answerStep(context, stepMessage(plan, 'keys', site, { attempt }));
      const key = federationKeys.stepAnswer({ ...STAGE, attempt }, site, 'keys');
      const { value } = await readJson(context.federationStore, key, siteKeysSchema);
      return { site, samples: 4, identity: value.identity, keys: value.keys };
    }),
  );
  return cohortSchema.parse({
    schema: 'fedcardio.cohort/1',
    ...WAIT,
    cohort: { ...STAGE, plan, attempt, sites, threshold: 3, rounds: 2 },
    terms: { range: 1, totalWeight: 4 * sites.length, sites: sites.length, headroom: 0 },
    members,
  });
}

/** What a site sends beside an update, which it remembers. */
export async function sendUpdate(
  { siteStore }: Pick<Stores, 'siteStore'>,
  document: CohortDocument,
  site: string,
  weights = sha256Hex(site),
): Promise<Signed<UpdateMessage>> {
  const { cohort, directory } = openCohort(document);
  const own = await siteSecrets(siteStore(site), site, AT.campaign);
  const message = updateMessage(own, { cohort, round: AT.round }, directory, { plain: sha256Hex('plain'), weights });
  await keepSent(siteStore(site), AT, message.content.commitment);
  return message;
}

/** The same store, with another caller that acts once, just before an object is created, or just after. */
export function racing<K extends string>(
  store: ObjectStore<K>,
  when: 'before' | 'after',
  isObject: (key: K) => boolean,
  what: () => Promise<unknown>,
): ObjectStore<K> {
  let isDone = false;
  return {
    ...store,
    putIfAbsent: async (...object) => {
      const isTime = !isDone && isObject(object[0]);
      if (isTime) isDone = true;
      if (isTime && when === 'before') await what();
      const result = await store.putIfAbsent(...object);
      if (isTime && when === 'after') await what();
      return result;
    },
  };
}

/** A coordinator with a clock of its own, and all that it has sent and logged. */
export interface Coordinator {
  readonly context: CoordinatorContext & StepContext & { readonly federationStore: FederationStore };
  readonly plan: Document<Plan>;
  readonly stage: LearningStage;
  readonly advanceClock: (seconds: number) => void;
  /** What sites were asked since the last call. */
  readonly takeAsked: () => readonly Pick<StepMessage, 'site' | 'step' | 'attempt' | 'round'>[];
  readonly logged: readonly (readonly [event: string, fields: Readonly<Record<string, unknown>>])[];
  /** The sites answer, each as if it was asked. */
  readonly answer: (step: Step, sites?: readonly string[], attempt?: number) => Promise<void>;
  readonly put: (key: FederationKey, value: unknown) => Promise<unknown>;
  /** ETags of all that the coordinator has stored of the campaign, by key. */
  readonly stored: () => Promise<Readonly<Record<string, string>>>;
  /** Why the campaign has ended; undefined while it has not. */
  readonly failure: () => Promise<string | undefined>;
}

/** Copies all objects of a federation and its sites: sites that have exchanged keys are the same in every test. */
export async function copyObjects(from: Stores, to: Stores): Promise<void> {
  const copy = async <K extends string>(source: ObjectStore<K>, target: ObjectStore<K>) => {
    for await (const { key } of source.list('' as K)) await target.put(key, (await source.get(key)).body);
  };
  await copy(from.federationStore, to.federationStore);
  for (const site of SITES) await copy(from.siteStore(site), to.siteStore(site));
}

/** A coordinator that has planned a campaign. The federation lists its sites in no order. */
export async function createCoordinator(plan = securePlan(), sites: readonly string[] = SITES): Promise<Coordinator> {
  let time = Date.parse(WAIT.at);
  const now = () => new Date(time);
  const asked: StepMessage[] = [];
  const logged: [string, Readonly<Record<string, unknown>>][] = [];
  const stores = storesOf(createMemoryStorage({ now }), 'heart');
  const { federationStore } = stores;
  const send = async (_: string, body: string) => {
    asked.push(parseDocument(Buffer.from(body), stepMessageSchema, 'the message'));
  };
  const context = {
    ...stores,
    federation: {
      schema: 'fedcardio.federation/1' as const,
      id: 'heart',
      sites: sites.toReversed().map((id) => ({ id, name: id })),
    },
    queues: { send },
    now,
    log: (event: string, fields: Readonly<Record<string, unknown>>) => void logged.push([event, fields]),
  };
  await federationStore.put(federationKeys.plan(AT.campaign), canonicalJson(plan.value));
  return {
    context,
    plan,
    stage: plan.value.campaign.stages[0] as LearningStage,
    advanceClock: (seconds) => {
      time += seconds * 1000;
    },
    takeAsked: () =>
      asked.splice(0).map(({ site, step, attempt, round }) => ({
        ...{ site, step },
        ...(attempt !== undefined && { attempt }),
        ...(round !== undefined && { round }),
      })),
    logged,
    answer: async (step, answering = SITES, attempt = 1) => {
      const at = step === 'keys' || step === 'shares' ? { attempt } : { round: AT.round };
      for (const site of answering) {
        // What sites log is not the coordinator's.
        await answerStep({ ...context, log: () => undefined }, stepMessage(plan.sha256, step, site, at));
      }
    },
    put: (key, value) => federationStore.put(key, canonicalJson(value)),
    stored: async () => {
      const objects = await collect(federationStore.list(`campaigns/${AT.campaign}/` as FederationKey));
      return Object.fromEntries(objects.map(({ key, etag }) => [key, etag]));
    },
    failure: async () =>
      (await tryReadJson(federationStore, federationKeys.outcome(AT.campaign), outcomeSchema))?.value.reason,
  };
}

/** The same coordinator, whose storage does not hand out some objects. */
export const refusing = <C extends { readonly federationStore: FederationStore }>(
  context: C,
  refusal: RefusalName,
  ...keys: readonly FederationKey[]
): C => ({
  ...context,
  federationStore: withUnreadable(context.federationStore, (key) => (keys.includes(key) ? refusal : undefined)),
});

/** The same coordinator, beside another one that acts just before an object is created. */
export const beside = <C extends { readonly federationStore: FederationStore }>(
  context: C,
  key: FederationKey,
  what: () => Promise<unknown>,
): C => ({
  ...context,
  federationStore: racing(context.federationStore, 'before', (created) => created === key, what),
});

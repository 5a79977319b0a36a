import { FedcardioError, isFedcardioError } from '../../error.ts';
import { federationKeys, siteKeys } from '../../federation/keys.ts';
import {
  type Consent,
  consentSchema,
  type Plan,
  type Policy,
  planSchema,
  policySchema,
} from '../../federation/schemas.ts';
import { isSmokeTest } from '../../federation/smoke-test.ts';
import { parseJson } from '../../json.ts';
import { printable } from '../../printable.ts';
import type { FederationStore, SiteStore } from '../../storage/contract.ts';
import {
  createJson,
  type Document,
  documentBody,
  readJson,
  type StoredDocument,
  tryReadJson,
  writeDocument,
} from '../../storage/documents.ts';
import { requirePlannedNoise } from '../planned-privacy.ts';
import { endOf, firstAnswer, isRefusal, obstacleOf } from './terms.ts';

/** What deciding on a campaign takes, at the site. */
export interface ConsentContext {
  readonly site: string;
  readonly store: Pick<SiteStore, 'bucket' | 'tryGet' | 'put' | 'putIfAbsent'>;
  readonly federationStore: Pick<FederationStore, 'bucket' | 'tryGet' | 'put' | 'putIfAbsent'>;
  readonly now: () => Date;
}

/** The site's policy; undefined without one. @throws FedcardioError `BAD_MESSAGE` if it cannot be parsed: nothing is agreed to */
export const readPolicy = async (store: ConsentContext['store']): Promise<Policy | undefined> =>
  (await tryReadJson(store, siteKeys.policy, policySchema, parseJson))?.value;

/** What a message says of the campaign that it is for. */
export interface Asked {
  /** Whether it was sent before: if an interrupted call has told the coordinator nothing, it is told. */
  readonly isRepeated: boolean;
  /** SHA-256 of the plan that it works for. A GPU task message names none: it is for the one that is stored. */
  readonly plan?: string | undefined;
}

/**
 * The site's answer to a campaign. At the campaign's first message, the policy answers or a person is asked; the coordinator is
 * told. If the coordinator has replaced the plan since then, a person is asked again.
 *
 * @throws FedcardioError `NOT_FOUND` if the campaign has no plan, `PRECONDITION_FAILED` if a person decides at the same time
 */
export async function consentTo(context: ConsentContext, campaign: string, asked: Asked): Promise<Consent> {
  const { site, store, federationStore, now } = context;
  const key = siteKeys.consent(campaign);
  const stored = await tryReadJson(store, key, consentSchema);
  const readPlan = () => readJson(federationStore, federationKeys.plan(campaign), planSchema);
  // A refusal holds whatever plan there is now, as does the answer to the plan that the message works for.
  const holds = async ({ state, plan }: Consent) =>
    isRefusal(state) || plan === asked.plan || plan === (await readPlan()).sha256;
  if (stored && (await holds(stored.value))) {
    const copy = federationKeys.consent(site, campaign);
    if (asked.isRepeated) await federationStore.putIfAbsent(copy, documentBody(consentSchema, stored.value));
    return stored.value;
  }
  const first = firstAnswer(await readPlan(), site, await readPolicy(store), now());
  const answer = stored ? askedAgain(first, stored.value) : (await createJson(store, key, consentSchema, first)).value;
  if (stored) await writeDocument(store, key, consentSchema, answer, { ifMatch: stored.etag });
  await tellCoordinator(context, answer);
  return answer;
}

/** The plan of a campaign that a person names. @throws FedcardioError `NOT_FOUND` */
async function plannedCampaign(
  federationStore: ConsentContext['federationStore'],
  campaign: string,
): Promise<Document<Plan>> {
  const plan = await tryReadJson(federationStore, federationKeys.plan(campaign), planSchema);
  if (plan) return plan;
  throw new FedcardioError('NOT_FOUND', `The federation has planned no campaign "${printable(campaign)}".`, {
    hint: 'Without a campaign, the command lists those that have asked the site.',
  });
}

/** A site's answer to a campaign, or what it would be asked; nothing is written. @throws FedcardioError `NOT_FOUND` */
export async function shownConsent(
  { site, store, federationStore, now }: ConsentContext,
  campaign: string,
): Promise<Consent> {
  const stored = await tryReadJson(store, siteKeys.consent(campaign), consentSchema);
  if (stored) return stored.value;
  const plan = await plannedCampaign(federationStore, campaign);
  return { ...firstAnswer(plan, site, await readPolicy(store), now()), state: 'asked', until: null };
}

/** What a person at the site decides. `limits` and `until` replace those of the policy. */
export interface Decision {
  readonly state: 'agreed' | 'declined' | 'withdrawn';
  /** SHA-256 of the plan that the person was shown: nothing else is agreed to. The one that the site was asked for, if absent. */
  readonly plan?: string | undefined;
  readonly by: string;
  readonly reason?: string | undefined;
  readonly limits?: Partial<Consent['limits']>;
  /** ISO 8601; null: no end. */
  readonly until?: string | null;
}

/**
 * Records a person's decision on a campaign, at the site first, and tells the coordinator. If the coordinator has replaced the plan
 * that the person was shown, nothing is agreed to: the site is asked again, for the plan that there is.
 *
 * @throws FedcardioError `NOT_FOUND` if there is no such campaign, `BAD_CONFIGURATION` if a consent is withdrawn that was not
 *   given or a plan is agreed to whose noise is less than its ε, `PRECONDITION_FAILED` if somebody else decides at the same time, or
 *   the plan was replaced
 */
export async function decide(context: ConsentContext, campaign: string, decision: Decision): Promise<Consent> {
  const { site, store, federationStore, now } = context;
  const { limits, until, plan: shown, ...own } = decision;
  const before = await tryReadJson(store, siteKeys.consent(campaign), consentSchema);
  if (own.state === 'withdrawn' && before?.value.state === 'withdrawn') {
    // An interrupted call may have told the coordinator nothing.
    return told(context, before.value);
  }
  if (own.state === 'withdrawn' && before?.value.state !== 'agreed') {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Site ${site} has no consent to ${campaign} that it could withdraw.`,
      {
        hint: 'Decline the campaign instead.',
      },
    );
  }
  const plan = await plannedCampaign(federationStore, campaign);
  const policy = await readPolicy(store);
  const asked = firstAnswer(plan, site, policy, now());
  const record = async (answer: Consent): Promise<Consent> => {
    const condition = before ? { ifMatch: before.etag } : { ifNoneMatch: '*' as const };
    await writeDocument(store, siteKeys.consent(campaign), consentSchema, answer, condition);
    return told(context, answer);
  };
  if (own.state === 'agreed' && plan.sha256 !== (shown ?? before?.value.plan ?? plan.sha256)) {
    await record(askedAgain(asked, before?.value));
    throw new FedcardioError('PRECONDITION_FAILED', `Nothing was agreed to. ${REPLACED}`, {
      hint: `Look at what ${campaign} asks now, and then decide.`,
    });
  }
  if (own.state === 'agreed') requirePlannedNoise(plan.value.campaign);
  return record({
    ...asked,
    ...own,
    at: now().toISOString(),
    reason: own.reason,
    limits: { ...(before?.value.limits ?? asked.limits), ...limits },
    until: own.state === 'agreed' ? (until === undefined ? endOf(policy, now()) : until) : null,
  });
}

/** A question about another plan than before. What a person has limited stays limited, whatever the coordinator replaces. */
const askedAgain = (first: Consent, before: Consent | undefined): Consent => ({
  ...first,
  state: 'asked',
  until: null,
  reason: REPLACED,
  limits: before?.limits ?? first.limits,
});

const REPLACED = 'The coordinator has replaced the plan of the campaign since this site was asked.';

const tellCoordinator = async ({ site, federationStore }: ConsentContext, consent: Consent): Promise<void> => {
  await writeDocument(federationStore, federationKeys.consent(site, consent.campaign), consentSchema, consent);
};

/** Tells the coordinator of a recorded answer. An error says that the answer holds nevertheless. */
async function told(context: ConsentContext, answer: Consent): Promise<Consent> {
  try {
    await tellCoordinator(context, answer);
    return answer;
  } catch (error) {
    if (!isFedcardioError(error)) throw error;
    const text = `Site ${context.site} has recorded its answer (${answer.state}), but could not tell the coordinator. ${error.message}`;
    throw new FedcardioError(error.code, text, { cause: error.cause, hint: 'Give the same answer once more.' });
  }
}

/**
 * The consent under which a GPU task works; undefined for a smoke test, which uses no case of a patient.
 *
 * @throws FedcardioError `NO_CONSENT` if there is none in force for exactly this plan
 */
export async function requireConsent(
  { site, store, now }: Pick<ConsentContext, 'site' | 'now'> & { readonly store: Pick<SiteStore, 'bucket' | 'tryGet'> },
  campaign: string,
  plan: Pick<Document<Plan>, 'sha256'>,
): Promise<StoredDocument<Consent> | undefined> {
  if (isSmokeTest(campaign)) return undefined;
  const consent = await readConsent(store, campaign);
  const obstacle = obstacleOf(consent?.value, now(), plan.sha256);
  if (obstacle !== undefined || !consent) throw noConsent(site, obstacle ?? '');
  return consent;
}

/** @throws FedcardioError `NO_CONSENT` if it cannot be parsed: what nobody can read is no consent */
async function readConsent(store: Pick<SiteStore, 'bucket' | 'tryGet'>, campaign: string) {
  try {
    return await tryReadJson(store, siteKeys.consent(campaign), consentSchema);
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    throw new FedcardioError('NO_CONSENT', error.message, { cause: error });
  }
}

/** The answer of a site that does not agree. */
export const noConsent = (site: string, obstacle: string): FedcardioError =>
  new FedcardioError('NO_CONSENT', `Site ${site} ${obstacle}.`, {
    hint: `A person at ${site} decides, with \`site consent\` or on the page of the site.`,
  });

/**
 * Agrees to every campaign of a federation that is on one machine, unless somebody has set another policy: one person owns all
 * of it.
 */
export const agreeToAll = async (store: Pick<SiteStore, 'putIfAbsent'>, site: string, now: Date): Promise<void> => {
  const limits = { scores: 'cases', figures: true, minimumCases: 1 } as const;
  const policy: Policy = {
    schema: 'fedcardio.policy/1',
    site,
    mode: 'standing',
    rules: {},
    limits,
    by: 'the federation on one machine',
    at: now.toISOString(),
  };
  await store.putIfAbsent(siteKeys.policy, documentBody(policySchema, policy));
};

import { FedcardioError } from '../../error.ts';
import { federationKeys, type RoundAddress, type SetupAddress } from '../../federation/keys.ts';
import {
  type CohortDocument,
  cohortSchema,
  endorsedSchema,
  endorsementSchema,
  type Plan,
  planSchema,
  revealSchema,
  type StepMessage,
  siteKeysSchema,
  siteSharesSchema,
  survivorsSchema,
} from '../../federation/schemas.ts';
import { canonicalJson, parseDocument } from '../../json.ts';
import { fingerprintOf } from '../../privacy/identity.ts';
import { checkedKeyShares, publishKeys, shareKeys } from '../../privacy/key-messages.ts';
import { requireCohort } from '../../privacy/secure-round.ts';
import { endorse, listDigest, reveal } from '../../privacy/unmasking.ts';
import { checkedUpdate } from '../../privacy/update-message.ts';
import type { SiteStore, Stores } from '../../storage/contract.ts';
import { createJson, type Document, readJson } from '../../storage/documents.ts';
import { isListed } from '../../storage/listed.ts';
import { isFor, type LearningStage, learns, stageOf } from '../plan.ts';
import { roundPrivacy } from '../round-privacy.ts';
import { boundCohort, openCohort, requireFineStep } from './cohort.ts';
import { mutable } from './mutable.ts';
import {
  keepCohort,
  keepEndorsed,
  keepIdentities,
  keptCohort,
  ownIdentity,
  roundRecord,
  siteSecrets,
} from './site-keys.ts';
import { fixedPointOf, type SecureTerms, secureTermsOf, thresholdOf } from './terms.ts';

/** What a site needs to answer. */
export interface StepContext extends Stores {
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Gives one of a site's short answers of secure aggregation. Idempotent: the same question gets the same answer, which is
 * created once. The site believes nothing that it can check: what differs from the plan, or from what it was told
 * before, is refused.
 *
 * @throws FedcardioError `BAD_MESSAGE` if the coordinator must not get this answer
 */
export async function answerStep(context: StepContext, message: StepMessage): Promise<void> {
  const { campaign, stage, site, step, round } = message;
  const store = context.siteStore(site);
  if (step === 'keys') await sendKeys(context, store, message);
  else if (step === 'shares') await sendShares(context, store, message);
  else if (round === undefined) throw refusal(`a request to ${step} names no round`);
  else if (step === 'endorse') await sendEndorsement(context, store, message, { campaign, stage, round });
  else await sendShare(context, store, message, { campaign, stage, round });
  context.log('step-answered', { step });
}

interface Planned {
  readonly plan: Document<Plan>;
  readonly stage: LearningStage;
  readonly terms: SecureTerms;
}

async function plannedStage({ federationStore }: StepContext, message: StepMessage): Promise<Planned> {
  const plan = await readJson(federationStore, federationKeys.plan(message.campaign), planSchema);
  if (plan.sha256 !== message.plan) throw refusal('the request is for another plan than the one that is stored');
  const stage = stageOf(plan.value, message.stage);
  if (!isFor(stage, message.site)) throw refusal(`stage ${message.stage} is for other sites`);
  const terms = secureTermsOf(plan.value.campaign, stage);
  if (terms && learns(stage)) return { plan, stage, terms };
  throw refusal(`the plan does not aggregate stage ${message.stage} securely`);
}

async function sendKeys(context: StepContext, store: SiteStore, message: StepMessage): Promise<void> {
  const { campaign, site, attempt = 1 } = message;
  const { plan, stage } = await plannedStage(context, message);
  const own = await siteSecrets(store, site, campaign);
  const at = { campaign, stage: stage.name, attempt };
  context.log('own-identity', { fingerprint: fingerprintOf(ownIdentity(own)) });
  await createJson(context.federationStore, federationKeys.stepAnswer(at, site, 'keys'), siteKeysSchema, {
    schema: 'fedcardio.site-keys/1',
    identity: ownIdentity(own),
    keys: mutable(publishKeys(own, { ...at, plan: plan.sha256, rounds: stage.rounds })),
  });
}

async function sendShares(context: StepContext, store: SiteStore, message: StepMessage): Promise<void> {
  const { campaign, site, attempt = 1 } = message;
  const { federationStore } = context;
  const planned = await plannedStage(context, message);
  const at: SetupAddress = { campaign, stage: planned.stage.name, attempt };
  const key = federationKeys.cohort(at);
  const { body } = await federationStore.get(key);
  const document = parseDocument(body, cohortSchema, key);
  const own = await siteSecrets(store, site, campaign);
  requirePlanned(document, planned, at);
  const { cohort, directory } = openCohort(document);
  const sent = publishKeys(own, { ...at, plan: planned.plan.sha256, rounds: planned.stage.rounds }).content;
  if (canonicalJson(directory.get(site)) !== canonicalJson(sent)) {
    throw refusal('the cohort has other keys of this site than it has sent');
  }
  const answer = federationKeys.stepAnswer(at, site, 'shares');
  const hasAnswered = await isListed(federationStore, answer);
  await keepIdentities(store, document, context);
  await keepCohort(store, at, { cohort: document, body, hasAnswered });
  if (hasAnswered) return;
  await createJson(federationStore, answer, siteSharesSchema, {
    schema: 'fedcardio.site-shares/1',
    shares: mutable(shareKeys(own, cohort, directory)),
  });
}

/** Throws `BAD_MESSAGE` or `BAD_CONFIGURATION` unless the cohort has the terms that the plan gives it. */
function requirePlanned(
  { cohort, terms, members }: CohortDocument,
  { plan, stage, terms: agreed }: Planned,
  at: SetupAddress,
) {
  requireCohort(cohort);
  if (!roundPrivacy(plan.value.campaign, stage, 1, undefined)) requireFineStep({ members, terms });
  const { sites, threshold } = cohort;
  const expected = fixedPointOf(plan.value.campaign, stage, { threshold, members });
  const claims: readonly (readonly [boolean, string])[] = [
    [cohort.campaign === at.campaign && cohort.stage === at.stage, 'another stage'],
    [cohort.attempt === at.attempt, 'another attempt'],
    [cohort.plan === plan.sha256, 'another plan'],
    [cohort.rounds === stage.rounds, 'another number of rounds'],
    [threshold === thresholdOf(agreed, sites.length), 'another threshold'],
    [canonicalJson(members.map(({ site }) => site)) === canonicalJson(sites), 'other members'],
    [canonicalJson(terms) === canonicalJson(expected), 'other terms'],
  ];
  const wrong = claims.filter(([holds]) => !holds).map(([, what]) => what);
  if (wrong.length > 0) throw refusal(`the cohort has ${wrong.join(', ')} than the plan`);
}

/** The cohort that the site takes part in, if it is for the plan of the message, to which the site has agreed. */
async function agreedCohort(store: SiteStore, message: StepMessage): Promise<CohortDocument> {
  const { value } = await keptCohort(store, message);
  if (value.cohort.plan === message.plan) return value;
  throw refusal('the request is for another plan than the cohort');
}

async function sendEndorsement(
  context: StepContext,
  store: SiteStore,
  message: StepMessage,
  at: RoundAddress,
): Promise<void> {
  const { federationStore } = context;
  const { site } = message;
  const cohort = boundCohort(await agreedCohort(store, message));
  const { list } = (await readJson(federationStore, federationKeys.survivors(at), survivorsSchema)).value;
  const own = await siteSecrets(store, site, at.campaign);
  const endorsement = endorse(own, { cohort, round: at.round }, list, await roundRecord(store, at));
  // Of two lists that come at the same time, only one is kept.
  if ((await keepEndorsed(store, at, listDigest(list))) !== listDigest(list)) {
    throw refusal('a second, different list of survivors came for this round');
  }
  await createJson(federationStore, federationKeys.stepAnswer(at, site, 'endorse'), endorsementSchema, {
    schema: 'fedcardio.endorsement/1',
    endorsement: mutable(endorsement),
  });
}

async function sendShare(
  context: StepContext,
  store: SiteStore,
  message: StepMessage,
  at: RoundAddress,
): Promise<void> {
  const { federationStore, log } = context;
  const { site } = message;
  const { cohort, directory, identities } = openCohort(await agreedCohort(store, message));
  const round = { cohort, round: at.round };
  const survivors = await readJson(federationStore, federationKeys.survivors(at), survivorsSchema);
  const endorsed = (await readJson(federationStore, federationKeys.endorsed(at), endorsedSchema)).value;
  // Messages come in any order. Who opens shares has endorsed the list, now if it has not before.
  let record = await roundRecord(store, at);
  if (record.endorsed === undefined) {
    await sendEndorsement(context, store, message, at);
    record = await roundRecord(store, at);
  }
  const own = await siteSecrets(store, site, at.campaign);
  const { message: opened, faults } = reveal(own, round, directory, {
    list: survivors.value.list,
    endorsements: endorsed.endorsements,
    updates: endorsed.updates.map((update) => checkedUpdate(round, update, identities)),
    keyShares: endorsed.keyShares.map((shares) => checkedKeyShares(cohort, shares, identities)),
    record,
    identities,
  });
  for (const reason of faults) log('share-unusable', { ...at, reason });
  await createJson(federationStore, federationKeys.stepAnswer(at, site, 'reveal'), revealSchema, {
    schema: 'fedcardio.reveal/1',
    reveal: mutable(opened),
  });
}

const refusal = (reason: string): FedcardioError =>
  new FedcardioError('BAD_MESSAGE', `Secure aggregation: ${reason}.`, { hint: 'Ask the coordinator why.' });

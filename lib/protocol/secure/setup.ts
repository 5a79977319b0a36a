import { FedcardioError } from '../../error.ts';
import { federationKeys, type SetupAddress, type StageAddress } from '../../federation/keys.ts';
import {
  type CohortDocument,
  cohortSchema,
  kindOf,
  type Open,
  type Plan,
  type Setup,
  setupSchema,
  siteKeysSchema,
  siteSharesSchema,
} from '../../federation/schemas.ts';
import { identityKey } from '../../privacy/identity.ts';
import { checkedKeyShares, checkedKeys, copiedKeys } from '../../privacy/key-messages.ts';
import { createJson, type Document, readJson, tryReadJson } from '../../storage/documents.ts';
import { disagreementOf, refusingSites, willing } from '../consent/answers.ts';
import type { CoordinatorContext } from '../context.ts';
import { endCampaign } from '../outcome.ts';
import { ableSites } from '../participants.ts';
import { deadlineOf, readPauses } from '../pauses.ts';
import { isFor, type LearningStage } from '../plan.ts';
import { listReasons } from '../reasons.ts';
import { lackOf, readStepAnswers } from './answers.ts';
import { askSites } from './ask.ts';
import { latestSetup, MOST_CASES, openCohort } from './cohort.ts';
import { fixedPointOf, impossibilityOf, type SecureTerms, thresholdOf } from './terms.ts';
import { waitOf } from './wait.ts';

/** A stage that is set up for secure aggregation. */
export interface SetupInput {
  readonly plan: Document<Plan>;
  readonly stage: LearningStage;
  readonly terms: SecureTerms;
  /** The round before. Its cohort stays that of the stage. */
  readonly previous: Open | undefined;
  readonly resendAfterSeconds: number;
}

/**
 * Brings a stage to the point where its first round can open: the sites that have what it needs send keys, the coordinator names
 * those that have done so, and each of them sends shares of its keys to all. If one does not, all begin again without it, with
 * new keys. Idempotent.
 *
 * @returns the cohort when all of its sites have sent their shares; undefined while answers are waited for, or if the stage is
 *   impossible: the campaign has then ended
 * @throws FedcardioError `NEWER_SCHEMA` or `STORAGE` if it is impossible without what an upgrade or a right may make readable
 */
export async function setUpStage(
  context: CoordinatorContext,
  input: SetupInput,
): Promise<Document<CohortDocument> | undefined> {
  const { federationStore } = context;
  const at = { campaign: input.plan.value.campaign.id, stage: input.stage.name };
  const { secure } = input.previous ?? {};
  if (secure) return readJson(federationStore, federationKeys.cohort({ ...at, attempt: secure.attempt }), cohortSchema);
  const setup = (await latestSetup(federationStore, at)) ?? (await firstSetup(context, input, at));
  return setup && cohortOf(context, input, setup.value);
}

/** The cohort of an attempt, or of the next one. */
async function cohortOf(
  context: CoordinatorContext,
  input: SetupInput,
  setup: Setup,
): Promise<Document<CohortDocument> | undefined> {
  const key = federationKeys.cohort(setup);
  const cohort =
    (await tryReadJson(context.federationStore, key, cohortSchema)) ?? (await createCohort(context, input, setup));
  return cohort && haveShared(context, input, setup, cohort);
}

/** Asks for keys, and creates the cohort when all have answered or the time is over. */
async function createCohort(
  context: CoordinatorContext,
  input: SetupInput,
  setup: Setup,
): Promise<Document<CohortDocument> | undefined> {
  const { federationStore, now, log } = context;
  const { plan, stage, terms } = input;
  const at = addressOf(setup);
  const sites = setup.sites.map(({ site }) => site);
  const named = { ...at, plan: plan.sha256, rounds: stage.rounds };
  const answers = await readStepAnswers(federationStore, at, 'keys', sites, siteKeysSchema, (answer, site) => {
    requireSender(answer.keys.content.site, site);
    checkedKeys(named, answer.keys, identityKey(answer.identity));
    return answer;
  });
  const refusing = await refusingSites(context, at.campaign, answers.missing);
  const awaited = answers.missing.filter((site) => !refusing.has(site));
  if (awaited.length > 0 && now() < (await extended(context, at, setup))) {
    await ask(context, input, at, 'keys', awaited);
    return undefined;
  }
  const copied = copiedKeys(answers.usable.map(({ value }) => value.keys.content));
  const copying = [...copied].map((site) => ({ site, reason: 'It has sent a key of another site.' }));
  const lack = [...lackOf({ missing: awaited, faulty: [...answers.faulty, ...copying] }), ...disagreementOf(refusing)];
  const members = setup.sites.flatMap(({ site, samples }) => {
    const answer = answers.usable.find((one) => one.site === site && !copied.has(site));
    const { identity, keys } = answer?.value ?? {};
    // A site that claims more must not stop the others, who would refuse the cohort.
    return identity && keys ? [{ site, samples: Math.min(samples, MOST_CASES), identity, keys }] : [];
  });
  const found = { sites: members.length, have: 'sent keys', lack, unread: answers.unread };
  if (!(await isPossible(context, input, found))) return undefined;
  const threshold = thresholdOf(terms, members.length);
  const created = await createJson(federationStore, federationKeys.cohort(at), cohortSchema, {
    schema: 'fedcardio.cohort/1',
    ...waitOf(context, stage),
    cohort: { ...named, sites: members.map(({ site }) => site), threshold },
    terms: fixedPointOf(plan.value.campaign, stage, { threshold, members }),
    members,
  });
  if (created.created) log('cohort-created', { ...at, sites: created.value.cohort.sites, without: lack });
  return created;
}

/** The sites that are asked for keys first: those that have what the stage needs when it is first looked at. */
async function firstSetup(
  context: CoordinatorContext,
  input: SetupInput,
  at: StageAddress,
): Promise<Document<Setup> | undefined> {
  const { stage } = input;
  const { able, answers, unread } = await ableSites(context, at.campaign, stage, undefined);
  const named = able.filter(({ site }) => isFor(stage, site));
  const needed = Math.max(stage.quorum.minSites, thresholdOf(input.terms, named.length));
  const { asked, unwilling } = willing(named, answers, needed);
  const sites = asked.map(({ site, samples }) => ({ site, samples })).sort((a, b) => (a.site < b.site ? -1 : 1));
  return createSetup(context, input, { ...at, attempt: 1 }, sites, {
    have: kindOf(stage).need(stage),
    lack: disagreementOf(unwilling),
    unread: unread[0],
  });
}

/** Names the sites of an attempt, or ends the campaign if they are too few. */
async function createSetup(
  context: CoordinatorContext,
  input: SetupInput,
  at: SetupAddress,
  sites: Setup['sites'],
  found: Omit<Found, 'sites'>,
): Promise<Document<Setup> | undefined> {
  if (!(await isPossible(context, input, { ...found, sites: sites.length }))) return undefined;
  const { campaign, stage, attempt } = at;
  return createJson(context.federationStore, federationKeys.setup(at), setupSchema, {
    schema: 'fedcardio.setup/1',
    ...{ campaign, stage, attempt },
    ...waitOf(context, input.stage),
    sites,
  });
}

/** Sites that may be a cohort. */
interface Found {
  readonly sites: number;
  /** What they have. */
  readonly have: string;
  /** Why others are not among them. */
  readonly lack: readonly string[];
  /** Why what others have cannot be read before an upgrade or without a right. */
  readonly unread: FedcardioError | undefined;
}

/** Whether so many sites are a cohort. If not, the campaign ends, or throws what an upgrade or a right may change. */
async function isPossible(
  context: CoordinatorContext,
  input: SetupInput,
  { sites, have, lack, unread }: Found,
): Promise<boolean> {
  const impossible = impossibilityOf(input, sites);
  if (impossible === undefined) return true;
  if (unread) throw unread;
  const found = `Stage ${input.stage.name} cannot begin: ${sites} sites have ${have}, and ${impossible}.`;
  const reason = lack.length > 0 ? `${found} ${listReasons(lack)}` : found;
  await endCampaign(context, input.plan.value.campaign.id, 'failed', reason);
  return false;
}

/** The cohort when all of its sites have sent their shares. Asks those that have not, or begins again without them. */
async function haveShared(
  context: CoordinatorContext,
  input: SetupInput,
  setup: Setup,
  document: Document<CohortDocument>,
): Promise<Document<CohortDocument> | undefined> {
  const { federationStore, now } = context;
  const at = addressOf(setup);
  const { cohort, identities } = openCohort(document.value);
  const answers = await readStepAnswers(
    federationStore,
    at,
    'shares',
    cohort.sites,
    siteSharesSchema,
    (answer, site) => {
      requireSender(answer.shares.content.site, site);
      return checkedKeyShares(cohort, answer.shares, identities);
    },
  );
  if (answers.usable.length === cohort.sites.length) return document;
  const isOver = now() >= (await extended(context, at, document.value));
  const refusing = await refusingSites(context, at.campaign, answers.missing);
  const silent = isOver ? answers.missing.filter((site) => !refusing.has(site)) : [];
  const lost = new Set([...answers.faulty.map(({ site }) => site), ...refusing, ...silent]);
  if (lost.size === 0) {
    await ask(context, input, at, 'shares', answers.missing);
    return undefined;
  }
  const rest = document.value.members.flatMap(({ site, samples }) => (lost.has(site) ? [] : [{ site, samples }]));
  const why = 'The log of a site says why it sends none, such as a new key of another site';
  const { faulty, unread } = answers;
  const next = { ...at, attempt: at.attempt + 1 };
  const again = await createSetup(context, input, next, rest, {
    have: 'sent usable shares of their keys, or still may',
    lack: [...lackOf({ faulty, missing: silent }), ...(silent.length > 0 ? [why] : []), ...disagreementOf(refusing)],
    unread,
  });
  return again && cohortOf(context, input, again.value);
}

const addressOf = ({ campaign, stage, attempt }: SetupAddress): SetupAddress => ({ campaign, stage, attempt });

const ask = (
  context: CoordinatorContext,
  { plan, resendAfterSeconds }: SetupInput,
  at: SetupAddress,
  step: 'keys' | 'shares',
  sites: readonly string[],
): Promise<void> => askSites(context, { at, step, plan: plan.sha256, sites, resendAfterSeconds });

/** A deadline, extended by pauses. */
export async function extended(
  { federationStore, now }: Pick<CoordinatorContext, 'federationStore' | 'now'>,
  { campaign }: Pick<StageAddress, 'campaign'>,
  wait: { readonly at: string; readonly deadline: string },
): Promise<Date> {
  return deadlineOf(wait, await readPauses(federationStore, campaign), now());
}

/** A site answers for itself alone. */
export function requireSender(claimed: string, site: string): void {
  if (claimed === site) return;
  throw new FedcardioError('BAD_MESSAGE', `${site} has sent an answer of ${claimed}.`);
}

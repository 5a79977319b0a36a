import type { z } from 'zod';
import { FedcardioError } from '../../error.ts';
import { federationKeys, type StageAddress } from '../../federation/keys.ts';
import {
  type CohortDocument,
  cohortSchema,
  kindOf,
  type Plan,
  setupSchema,
  siteKeysSchema,
  siteSharesSchema,
} from '../../federation/schemas.ts';
import { identityKey } from '../../privacy/identity.ts';
import { checkedKeyShares, checkedKeys } from '../../privacy/key-messages.ts';
import { createJson, type Document, tryReadJson } from '../../storage/documents.ts';
import { refusingSites, willing } from '../consent/answers.ts';
import type { CoordinatorContext } from '../context.ts';
import { endCampaign } from '../outcome.ts';
import { ableSites } from '../participants.ts';
import { deadlineOf, readPauses } from '../pauses.ts';
import type { LearningStage } from '../plan.ts';
import { listReasons } from '../reasons.ts';
import { lackOf, readStepAnswers } from './answers.ts';
import { askSites } from './ask.ts';
import { openCohort } from './cohort.ts';
import { fixedPointOf, impossibilityOf, type SecureTerms, thresholdOf } from './terms.ts';
import { waitOf } from './wait.ts';

/** A stage that is set up for secure aggregation. */
export interface SetupInput {
  readonly plan: Document<Plan>;
  readonly stage: LearningStage;
  readonly terms: SecureTerms;
  readonly resendAfterSeconds: number;
}

/**
 * Brings a stage to the point where its first round can open: the sites that have what it needs send keys, the coordinator names
 * those that have done so, and each of them sends shares of its keys to all. Idempotent.
 *
 * @returns the cohort when all of its sites have sent their shares; undefined while answers are waited for, or if the stage is
 *   impossible: the campaign has then ended
 */
export async function setUpStage(
  context: CoordinatorContext,
  input: SetupInput,
): Promise<Document<CohortDocument> | undefined> {
  const { federationStore } = context;
  const at = { campaign: input.plan.value.campaign.id, stage: input.stage.name };
  const key = federationKeys.cohort(at);
  const cohort = (await tryReadJson(federationStore, key, cohortSchema)) ?? (await createCohort(context, input, at));
  return cohort && ((await haveShared(context, input, at, cohort)) ? cohort : undefined);
}

/** Asks for keys, and creates the cohort when all have answered or the time is over. */
async function createCohort(
  context: CoordinatorContext,
  input: SetupInput,
  at: StageAddress,
): Promise<Document<CohortDocument> | undefined> {
  const { federationStore, now, log } = context;
  const { plan, stage, terms, resendAfterSeconds } = input;
  const setup = await setupOf(context, input, at);
  if (!setup) return undefined;
  const sites = setup.value.sites.map(({ site }) => site);
  const answers = await readStepAnswers(federationStore, at, 'keys', sites, siteKeysSchema, (answer, site) => {
    requireSender(answer.keys.content.site, site);
    checkedKeys({ ...at, plan: plan.sha256, rounds: stage.rounds }, answer.keys, identityKey(answer.identity));
    return answer;
  });
  const refusing = await refusingSites(context, at.campaign, answers.missing);
  const awaited = answers.missing.filter((site) => !refusing.has(site));
  if (awaited.length > 0 && now() < (await extended(context, at, setup.value))) {
    await askSites(context, { at, step: 'keys', plan: plan.sha256, sites: awaited, resendAfterSeconds });
    return undefined;
  }
  const members = setup.value.sites.flatMap(({ site, samples }) => {
    const answer = answers.usable.find((one) => one.site === site);
    return answer ? [{ site, samples, identity: answer.value.identity, keys: answer.value.keys }] : [];
  });
  const impossible = impossibilityOf(input, members.length);
  if (impossible !== undefined) {
    const reason = `Stage ${at.stage} cannot begin: ${members.length} sites have sent keys, and ${impossible}. ${listReasons(lackOf(answers))}`;
    await endCampaign(context, at.campaign, 'failed', reason);
    return undefined;
  }
  const threshold = thresholdOf(terms, members.length);
  const created = await createJson(federationStore, federationKeys.cohort(at), cohortSchema, {
    schema: 'fedcardio.cohort/1',
    ...waitOf(context, stage),
    cohort: {
      ...at,
      plan: plan.sha256,
      sites: members.map(({ site }) => site),
      threshold,
      rounds: stage.rounds,
    },
    terms: fixedPointOf(plan.value.campaign, stage, { threshold, members }),
    members,
  });
  if (created.created) log('cohort-created', { ...at, sites: created.value.cohort.sites, without: lackOf(answers) });
  return created;
}

/** The sites that are asked for keys: those that have what the stage needs when it is first looked at. */
async function setupOf(
  context: CoordinatorContext,
  input: SetupInput,
  at: StageAddress,
): Promise<Document<z.infer<typeof setupSchema>> | undefined> {
  const { federationStore } = context;
  const key = federationKeys.setup(at);
  const existing = await tryReadJson(federationStore, key, setupSchema);
  if (existing) return existing;
  const { stage } = input;
  const { able, answers, unread } = await ableSites(context, at.campaign, stage, undefined);
  const named = able.filter(({ site }) => stage.sites?.includes(site) ?? true);
  const needed = Math.max(stage.quorum.minSites, thresholdOf(input.terms, named.length));
  const sites = willing(named, answers, needed)
    .asked.map(({ site, samples }) => ({ site, samples }))
    .sort((a, b) => (a.site < b.site ? -1 : 1));
  const impossible = impossibilityOf(input, sites.length);
  if (impossible !== undefined) {
    // An upgrade or a right may make it possible: nothing is decided before.
    if (unread[0]) throw unread[0];
    const reason = `Stage ${at.stage} cannot begin: ${sites.length} sites have ${kindOf(stage).need(stage)}, and ${impossible}.`;
    await endCampaign(context, at.campaign, 'failed', reason);
    return undefined;
  }
  return createJson(federationStore, key, setupSchema, {
    schema: 'fedcardio.setup/1',
    ...at,
    ...waitOf(context, stage),
    sites,
  });
}

/** Whether all sites of a cohort have sent their shares. Asks those that have not; without them, the stage is impossible. */
async function haveShared(
  context: CoordinatorContext,
  { plan, resendAfterSeconds }: SetupInput,
  at: StageAddress,
  { value }: Document<CohortDocument>,
): Promise<boolean> {
  const { federationStore, now } = context;
  const { cohort, identities } = openCohort(value);
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
  if (answers.usable.length === cohort.sites.length) return true;
  const isOver = now() >= (await extended(context, at, value));
  if (answers.faulty.length === 0 && !isOver) {
    await askSites(context, { at, step: 'shares', plan: plan.sha256, sites: answers.missing, resendAfterSeconds });
    return false;
  }
  const reason = `Stage ${at.stage} cannot begin: every site that has sent keys must also send shares of them. ${listReasons(lackOf(answers))} Start again without these sites.`;
  await endCampaign(context, at.campaign, 'failed', reason);
  return false;
}

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

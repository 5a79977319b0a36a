import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { type Commit, commitSchema, type Open, openSchema, type Plan } from '../federation/schemas.ts';
import { createJson, type Document, readJson } from '../storage/documents.ts';
import { listAnswers } from './answer-keys.ts';
import type { CoordinatorContext, StoreContext } from './context.ts';
import { sendGpuTasks } from './gpu-tasks.ts';
import { openRound } from './opening.ts';
import { endCampaign } from './outcome.ts';
import { ableSites } from './participants.ts';
import { learns, stageOf } from './plan.ts';
import { setUpStage } from './secure/setup.ts';
import { secureTermsOf } from './secure/terms.ts';
import { roundAfter } from './validation.ts';

/**
 * Opens a stage's next round, or its last one if it stops early, and sends its GPU tasks, or ends the campaign if the round is impossible. Of several concurrent
 * callers, the one that created open.json sends the GPU tasks. With secure aggregation, the sites' keys are waited for first.
 *
 * @throws FedcardioError `NEWER_SCHEMA` if the round lacks sites whose summaries only a newer release can read;
 *   `STORAGE` if it lacks sites whose summaries a right may make readable, or if no summary can be read
 */
export async function startRound(
  context: CoordinatorContext,
  plan: Document<Plan>,
  next: RoundAddress,
  resendAfterSeconds: number,
): Promise<void> {
  const { federationStore, now, log } = context;
  const [commit, previous] = await Promise.all([previousCommit(context, next), previousOpen(context, next)]);
  const stage = stageOf(plan.value, next.stage);
  const at = commit ? { ...next, round: roundAfter(stage, commit.value) } : next;
  const terms = secureTermsOf(plan.value.campaign, stage);
  const cohort =
    terms && learns(stage)
      ? await setUpStage(context, { plan, stage, terms, previous, resendAfterSeconds })
      : undefined;
  // The sites still have to answer, or the stage is impossible.
  if (terms && !cohort) return;
  const secure = cohort && {
    sites: cohort.value.cohort.sites,
    terms: { cohort: cohort.sha256, attempt: cohort.value.cohort.attempt, threshold: cohort.value.cohort.threshold },
  };
  const { unread, ...sites } = await ableSites(context, at.campaign, stage, previous);
  const inputs = { plan: plan.value, planSha256: plan.sha256, previous: commit, ...sites, secure };
  const opening = openRound(at, inputs, now());
  if (opening.kind === 'impossible') {
    // An upgrade or a right may make it possible: nothing is decided before.
    if (unread[0]) throw unread[0];
    await endCampaign(context, at.campaign, 'failed', opening.reason);
    return;
  }
  const { value, created } = await createJson(federationStore, federationKeys.open(at), openSchema, opening.open);
  if (!created) return;
  const participants = value.participants.map(({ site }) => site);
  log('round-opened', { ...at, participants, quorum: value.quorum });
  await sendGpuTasks(context, value);
}

/**
 * Sends an open round's GPU tasks again to the participants that have not answered.
 *
 * @param only to this site alone, without postponing the next resend to the others
 */
export async function resendGpuTasks(context: CoordinatorContext, at: RoundAddress, only?: string): Promise<void> {
  const { federationStore } = context;
  const open = await readJson(federationStore, federationKeys.open(at), openSchema);
  const participants = open.value.participants.filter(({ site }) => only === undefined || site === only);
  if (participants.length === 0) return;
  const answers = await listAnswers(federationStore, { ...open.value, participants });
  const answered = new Set(answers.map(({ site }) => site));
  if (only !== undefined && answered.has(only)) return;
  await sendGpuTasks(context, { ...open.value, participants }, { answered, isForAll: only === undefined });
}

/** The previous round's commit; undefined in the first round. */
async function previousCommit(
  { federationStore }: StoreContext,
  at: RoundAddress,
): Promise<Document<Commit> | undefined> {
  if (at.round === 1) return undefined;
  return readJson(federationStore, federationKeys.commit({ ...at, round: at.round - 1 }), commitSchema);
}

async function previousOpen({ federationStore }: StoreContext, at: RoundAddress): Promise<Open | undefined> {
  if (at.round === 1) return undefined;
  const key = federationKeys.open({ ...at, round: at.round - 1 });
  return (await readJson(federationStore, key, openSchema)).value;
}

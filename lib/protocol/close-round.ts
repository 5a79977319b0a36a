import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { type Open, openSchema, sealSchema } from '../federation/schemas.ts';
import { createJson, type Document, readJson } from '../storage/documents.ts';
import { claimLease, type OwnedLease } from '../storage/lease.ts';
import { type AnswerKey, listAnswers, listAnswersUnlessMissing } from './answer-keys.ts';
import { listRound } from './campaign-listing.ts';
import { commitRound, figuresOf } from './commit-round.ts';
import type { RoundContext } from './context.ts';
import { lastSentTo } from './gpu-tasks.ts';
import { digestOf, type MergeResult, mergeEntries, storedMerge } from './merge-entries.ts';
import { endCampaign } from './outcome.ts';
import { deadlineOf, readPauses } from './pauses.ts';
import { couldClose, prepareSeal } from './prepare-seal.ts';
import { ensureNoise } from './private-merge.ts';
import { listReasons } from './reasons.ts';
import { roundProgress } from './round-progress.ts';
import { mergeMasked } from './secure/merge-masked.ts';
import { publishSurvivors, readOpened } from './secure/survivors.ts';
import type { RoundState } from './state.ts';

/**
 * Result of `closeRound`. `sealed`: its masked updates are added up, and sites still have to open the masks. `claimed`: the
 * round can be closed and another caller is closing it; `delegated`: this call submitted a job that closes it.
 */
export type RoundResult =
  | 'not-open'
  | 'ended'
  | 'waiting'
  | 'sealed'
  | 'claimed'
  | 'delegated'
  | 'failed'
  | 'committed';

/**
 * Reconciles a round: if it can be closed, merges its updates, seals them and publishes the commit. Seal and commit are
 * created once, so that any number of concurrent callers, or calls after a crash, arrive at one commit. A round that can
 * never be closed ends its campaign with the reason.
 */
export async function closeRound(context: RoundContext, at: RoundAddress): Promise<RoundResult> {
  const { federationStore } = context;
  let seen: string | undefined;
  for (;;) {
    const round = await listRound(federationStore, at);
    if (!round) return 'not-open';
    if (round.phase === 'committed') return 'committed';
    const open = await readJson(federationStore, federationKeys.open(at), openSchema);
    const answers = await answersToClose(context, open.value, round);
    const progressOf = (deadline: Date) => roundProgress(open.value, answers, deadline, context.now());
    const logProgress = (deadline: Date) => context.log('round-watched', { ...at, ...progressOf(deadline) });
    const pausedDeadline = async () =>
      deadlineOf(open.value, await readPauses(federationStore, at.campaign), context.now());
    // The cheap check first: pauses can only move the deadline later.
    const planned = new Date(open.value.deadline);
    const closes = (deadline: Date) =>
      round.phase === 'sealed' || (answers && couldClose(open.value, answers, context.now(), deadline));
    if (!answers || !closes(planned)) {
      // Read only if it matters, since most events end here: an alarm rings for a round that is short of its quorum.
      logProgress(progressOf(planned).shortOfQuorum ? await pausedDeadline() : planned);
      return 'waiting';
    }
    if (await federationStore.head(federationKeys.outcome(at.campaign))) return 'ended';
    const deadline = await pausedDeadline();
    logProgress(deadline);
    if (!closes(deadline)) return 'waiting';
    // The answers seen last time were not enough: only a new answer can change the decision.
    const listed = JSON.stringify(answers);
    if (listed === seen) return 'waiting';
    seen = listed;
    // Nothing large to do before the masks are open.
    if (round.phase === 'sealed' && open.value.secure && !(await readOpened(federationStore, at))) {
      await publishSurvivors(
        context,
        open.value,
        (await readJson(federationStore, federationKeys.seal(at), sealSchema)).value,
      );
      return 'sealed';
    }
    const bytes = answers.reduce((sum, { weightsBytes = 0 }) => sum + weightsBytes, 0);
    if (await context.delegateMerge?.(at, bytes)) return 'delegated';

    const lease = await claimLease(federationStore, federationKeys.lease(at), context.now);
    if (!lease) return 'claimed';
    const result = await close(context, open, deadline, { ...round, answers }, lease).catch(async (error) => {
      // Released so that the next caller need not wait. The error that matters is the merge's, not the release's.
      await lease.release().catch(() => undefined);
      throw error;
    });
    // The round is closed by another call, when its masks are open.
    if (result === 'sealed') await lease.release();
    if (result !== 'waiting') return result;
    // Callers that were told of an update in the meantime returned `claimed`: check again on their behalf.
    await lease.release();
  }
}

/** After so long, GPU tasks have been sent again, to those who had not answered. */
const FIRST_SENDING_MS = 60_000;

/**
 * The answers to a round; undefined if so many are missing that it can only wait. Most events find that: they must not cost one
 * listing for each participant.
 */
async function answersToClose(
  { federationStore, now }: RoundContext,
  open: Open,
  { at, phase, sentAt }: RoundState,
): Promise<readonly AnswerKey[] | undefined> {
  if (phase === 'sealed' || now() >= new Date(open.deadline)) return listAnswers(federationStore, open);
  const isSentAgain = sentAt !== undefined && sentAt.getTime() - Date.parse(open.at) > FIRST_SENDING_MS;
  const likely = isSentAgain ? await lastSentTo(federationStore, at) : [];
  return listAnswersUnlessMissing(federationStore, open, open.participants.length - open.quorum, likely);
}

async function close(
  context: RoundContext,
  open: Document<Open>,
  deadline: Date,
  { at, phase, answers }: RoundState & { readonly answers: readonly AnswerKey[] },
  lease: OwnedLease,
): Promise<RoundResult> {
  const { federationStore } = context;
  const fail = async (reason: string): Promise<RoundResult> => {
    await endCampaign(context, at.campaign, 'failed', reason);
    return 'failed';
  };
  await ensureNoise(context, open.value);
  if (phase === 'open') {
    const prepared = await prepareSeal(context, open.value, deadline, answers, lease);
    if (prepared.kind === 'wait') return 'waiting';
    if (prepared.kind === 'fail') return fail(prepared.reason);
    if (prepared.kind === 'seal') {
      const { updates, late, failed, merged } = prepared;
      const seal = await createJson(federationStore, federationKeys.seal(at), sealSchema, {
        schema: 'fedcardio.seal/1',
        ...at,
        at: context.now().toISOString(),
        open: open.sha256,
        updates,
        ...(late && { late }),
        ...(merged.sum && { sum: merged.sum }),
        failed,
      });
      if (open.value.secure) {
        await publishSurvivors(context, open.value, seal.value);
        return 'sealed';
      }
      // If another caller's seal was first, its updates are merged below and these are late.
      if (digestOf(seal.value) === digestOf(prepared)) {
        await commitRound(context, open.value, seal, merged);
        return 'committed';
      }
    }
  }
  const seal = await readJson(federationStore, federationKeys.seal(at), sealSchema);
  const publish = async (result: MergeResult): Promise<RoundResult> => {
    const figures = await figuresOf(federationStore, seal.value.updates);
    await commitRound(context, open.value, seal, { ...result, figures });
    return 'committed';
  };
  if (open.value.secure) {
    const opened = await readOpened(federationStore, at);
    if (!opened) return 'sealed';
    const merged = await mergeMasked(federationStore, open.value, seal.value, opened.value, lease);
    if (merged.kind === 'impossible') return fail(`Round ${at.round} of ${at.stage} failed: ${merged.reason}`);
    await commitRound(context, open.value, seal, { ...merged, figures: {}, opened: opened.sha256 });
    return 'committed';
  }
  const merged = await mergeEntries(federationStore, open.value, seal.value, lease);
  if (merged.kind === 'merged') return publish(merged);
  // A site may have replaced its update since it was sealed: what it was merged to is stored where no site can write.
  const stored = await storedMerge(federationStore, open.value, seal.value);
  if (stored) return publish(stored);
  const denied = merged.kind === 'refused' && merged.refused.find(({ unreadable }) => unreadable)?.unreadable;
  if (denied) throw denied.error;
  const why =
    merged.kind === 'impossible'
      ? merged.reason
      : `updates have changed since they were sealed. ${listReasons(merged.refused.map(({ input, reason }) => `${input.site}: ${reason}`))}`;
  return fail(`Round ${at.round} of ${at.stage} failed: ${why}`);
}

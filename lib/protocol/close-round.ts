import { collect } from '../async.ts';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { type Open, openSchema, sealSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { createJson, type Document, readJson } from '../storage/documents.ts';
import { claimMerge, type HeldLease } from '../storage/lease.ts';
import type { RoundTerms } from './answers.ts';
import { commitRound, figuresOf } from './commit-round.ts';
import { digestOf, mergeEntries } from './merge-entries.ts';
import { endCampaign } from './outcome.ts';
import { deadlineOf, readPauses } from './pauses.ts';
import type { RoundContext } from './round-context.ts';
import { closingAtBest, settleRound } from './settle-round.ts';
import { type AnswerKey, type RoundState, roundStates } from './state.ts';
import { watchOf } from './watch-round.ts';

/**
 * What `closeRound` found or did. `claimed`: the round can be closed and another caller is closing it; `delegated`: this
 * call submitted a job that closes it.
 */
export type RoundResult = 'not-open' | 'ended' | 'waiting' | 'claimed' | 'delegated' | 'failed' | 'committed';

/**
 * Looks at a round and closes it when its time has come: merges the updates, seals them, publishes the commit. Seal
 * and commit are created once and read by all others, so that any number of callers at once, or after a crash at any
 * point, arrive at one commit. A round that cannot be closed ends its campaign, with the reason.
 */
export async function closeRound(context: RoundContext, at: RoundAddress): Promise<RoundResult> {
  const { objects, federation } = context;
  const bucket = names.federationBucket(federation.id);
  let seen: string | undefined;
  for (;;) {
    const round = await lookAt(context, bucket, at);
    if (!round) return 'not-open';
    if (round.phase === 'committed') return 'committed';
    const open = await readJson(objects, bucket, federationKeys.open(at), openSchema);
    const closes = (deadline: Date) =>
      round.phase === 'sealed' || closingAtBest(open.value, round.answers, context.now(), deadline);
    const watch = (deadline: Date) =>
      context.log('round-watched', { ...at, ...watchOf(open.value, round.answers, deadline, context.now()) });
    // Nothing more is read as long as the round would stay open even if every answer were good.
    const planned = new Date(open.value.deadline);
    if (!closes(planned)) {
      watch(planned);
      return 'waiting';
    }
    if (await objects.head(bucket, federationKeys.outcome(at.campaign))) return 'ended';
    const deadline = deadlineOf(open.value, await readPauses(objects, bucket, at.campaign), context.now());
    watch(deadline);
    if (!closes(deadline)) return 'waiting';
    // What was seen last time did not do; only what has come since can make a difference.
    const answers = JSON.stringify(round.answers);
    if (answers === seen) return 'waiting';
    seen = answers;
    const bytes = round.answers.reduce((sum, { weightsBytes = 0 }) => sum + weightsBytes, 0);
    if (await context.delegateMerge?.(at, bytes)) return 'delegated';

    const lease = await claimMerge(context, at);
    if (!lease) return 'claimed';
    const result = await close(context, { bucket, open: open.value, deadline }, open, round, lease).catch(
      async (error) => {
        // Whoever looks next may be luckier, and should not have to wait. What matters is why this merge failed.
        await lease.release().catch(() => undefined);
        throw error;
      },
    );
    if (result !== 'waiting') return result;
    // Whoever was told of an update meanwhile has left it to this lease: look once more.
    await lease.release();
  }
}

async function lookAt({ objects }: RoundContext, bucket: string, at: RoundAddress): Promise<RoundState | undefined> {
  const prefix = federationKeys.round(at);
  return roundStates(await collect(objects.list(bucket, prefix))).get(prefix);
}

async function close(
  context: RoundContext,
  terms: RoundTerms & { readonly deadline: Date },
  open: Document<Open>,
  { at, phase, answers }: { readonly at: RoundAddress; readonly phase: string; readonly answers: readonly AnswerKey[] },
  lease: HeldLease,
): Promise<RoundResult> {
  const { objects } = context;
  const { bucket } = terms;
  const fail = async (reason: string): Promise<RoundResult> => {
    await endCampaign(context, at.campaign, 'failed', reason);
    return 'failed';
  };
  if (phase === 'open') {
    const settled = await settleRound(context, terms, answers, lease);
    if (settled.kind === 'wait') return 'waiting';
    if (settled.kind === 'fail') return fail(settled.reason);
    const { updates, failed, merged } = settled;
    const seal = await createJson(objects, bucket, federationKeys.seal(at), sealSchema, {
      schema: 'fedcardio.seal/1',
      ...at,
      at: context.now().toISOString(),
      open: open.sha256,
      updates,
      failed,
    });
    // Another seal may have been first; then its updates are to be merged, and these are late.
    if (digestOf(seal.value.updates) === digestOf(updates)) {
      await commitRound(context, terms, seal, merged);
      return 'committed';
    }
  }
  const seal = await readJson(objects, bucket, federationKeys.seal(at), sealSchema);
  const merged = await mergeEntries(objects, terms, seal.value.updates, lease);
  if (merged.kind === 'merged') {
    const figures = await figuresOf(objects, bucket, seal.value.updates);
    await commitRound(context, terms, seal, { ...merged, figures });
    return 'committed';
  }
  const why =
    merged.kind === 'impossible'
      ? merged.reason
      : `updates have changed since they were sealed. ${merged.refused.map(({ input, reason }) => `${input.site}: ${reason}`).join('; ')}.`;
  return fail(`Round ${at.round} of ${at.stage} failed: ${why}`);
}

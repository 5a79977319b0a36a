import { federationKeys } from '../federation/keys.ts';
import { type Candidate, type RoundTerms, readAnswer } from '../federation/protocol/answers.ts';
import { mapConcurrently } from '../federation/protocol/async.ts';
import { type Decision, roundDecision } from '../federation/protocol/decision.ts';
import { createJson } from '../federation/protocol/documents.ts';
import type { AnswerKey } from '../federation/protocol/state.ts';
import { type Commit, refusalSchema, type Seal } from '../federation/schemas.ts';
import type { Refused } from './inputs.ts';
import { mergeEntries, type SealEntries } from './merge-entries.ts';
import type { RoundContext } from './round-context.ts';

export type Settlement =
  | Exclude<Decision<Candidate>, { kind: 'seal' }>
  | {
      readonly kind: 'seal';
      readonly updates: SealEntries;
      readonly failed: Seal['failed'];
      /** What the updates have been merged to. */
      readonly global: Commit['global'];
    };

const READS_AT_ONCE = 16;

/**
 * Decides on a round from what its sites have sent and, when it closes, merges. Only a merge reads weights to the
 * end, so that it comes before the seal: an update found unusable counts as its site's failure, the round is decided
 * anew without it, and what gets sealed is known to be good.
 */
export async function settleRound(
  context: RoundContext,
  terms: RoundTerms,
  answers: readonly AnswerKey[],
): Promise<Settlement> {
  const { open, stage } = terms;
  const now = context.now();
  const decide = <A extends Candidate>(candidates: readonly A[]) => roundDecision(open, stage.quorum, candidates, now);
  // Nothing is read as long as the round would stay open even if every answer were good.
  const atBest = answers.map((answer) => ({ ...answer, fault: undefined, update: undefined }));
  const hoped = decide(atBest);
  if (hoped.kind === 'wait') return hoped;

  let candidates = await mapConcurrently(answers, READS_AT_ONCE, (answer) =>
    readAnswer(context.objects, terms, answer),
  );
  for (;;) {
    const decision = decide(candidates);
    if (decision.kind !== 'seal') return decision;
    const updates = decision.accepted.flatMap(entryOf);
    const merged = await mergeEntries(context.objects, terms, updates);
    if (merged.kind === 'merged') {
      const failed = decision.failed.map(({ site, key, fault }) => ({ site, key, reason: fault }));
      return { kind: 'seal', updates, failed, global: merged.global };
    }
    await recordRefusals(context, terms, updates, merged.refused);
    const reasons = new Map(merged.refused.map(({ input, reason }) => [input.weights.key, reason]));
    candidates = candidates.map((candidate) => {
      const reason = reasons.get(candidate.update?.value.weights?.key ?? '');
      return reason === undefined ? candidate : { ...candidate, fault: reason };
    });
  }
}

function entryOf({ site, key, update }: Candidate): SealEntries {
  return update
    ? [{ site, key, sha256: update.sha256, samples: update.value.samples, weights: update.value.weights }]
    : [];
}

/** Notes what can never be merged, so that its site sees it and no later look reads it again. */
async function recordRefusals(
  { objects, now, log }: RoundContext,
  { bucket, open }: RoundTerms,
  entries: SealEntries,
  refused: readonly Refused[],
): Promise<void> {
  const { campaign, stage, round } = open;
  for (const { input, reason, forGood } of refused) {
    log('update-refused', { campaign, stage, round, site: input.site, reason });
    const update = entries.find(({ weights }) => weights?.key === input.weights.key)?.key;
    if (!forGood || update === undefined) continue;
    await createJson(objects, bucket, federationKeys.refusal(update), refusalSchema, {
      schema: 'fedcardio.refusal/1',
      campaign,
      stage,
      round,
      site: input.site,
      at: now().toISOString(),
      update,
      reason,
    });
  }
}

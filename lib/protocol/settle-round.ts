import { mapConcurrently } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Open, refusalSchema, type Seal } from '../federation/schemas.ts';
import { createJson } from '../storage/documents.ts';
import type { HeldLease } from '../storage/lease.ts';
import { type Candidate, type RoundTerms, readAnswer } from './answers.ts';
import { type Decision, roundDecision } from './decision.ts';
import { meanFigures } from './figures.ts';
import { type MergedFiles, mergeEntries, type SealEntries } from './merge-entries.ts';
import type { RoundContext } from './round-context.ts';
import type { AnswerKey } from './state.ts';

/** What gets published of sealed updates. */
interface Settled extends MergedFiles {
  readonly figures: Readonly<Record<string, number>>;
}

export type Settlement =
  | Exclude<Decision<Candidate>, { kind: 'seal' }>
  | { readonly kind: 'seal'; readonly updates: SealEntries; readonly failed: Seal['failed']; readonly merged: Settled };

const READS_AT_ONCE = 16;

/** Whether a round would close, well or not, if every answer that is not known to be bad were good. */
export function closingAtBest(open: Open, answers: readonly AnswerKey[], now: Date, deadline: Date): boolean {
  const atBest = answers.map(({ unusable, ...answer }) => ({ ...answer, fault: unusable }));
  return roundDecision(open, open.config.quorum, atBest, now, deadline).kind !== 'wait';
}

/**
 * Decides on a round from what its sites have sent and, when it closes, merges. Only a merge reads weights to the
 * end, so that it comes before the seal: an update found unusable counts as its site's failure, the round is decided
 * anew without it, and what gets sealed is known to be good.
 */
export async function settleRound(
  context: RoundContext,
  terms: RoundTerms & { readonly deadline: Date },
  answers: readonly AnswerKey[],
  lease: Pick<HeldLease, 'renew'>,
): Promise<Settlement> {
  const { open, deadline } = terms;
  const now = context.now();
  let candidates = await mapConcurrently(answers, READS_AT_ONCE, (answer) => readAnswer(context, terms, answer));
  const known = new Set(answers.filter(({ unusable }) => unusable).map(({ key }) => key));
  for (const { site, key, fault } of candidates) {
    if (fault !== undefined && !known.has(key)) await recordRefusal(context, terms, site, key, fault);
  }
  for (;;) {
    const decision = roundDecision(open, open.config.quorum, candidates, now, deadline);
    if (decision.kind !== 'seal') return decision;
    const updates = decision.accepted.flatMap(entryOf);
    const merged = await mergeEntries(context.objects, terms, updates, lease);
    if (merged.kind === 'impossible') {
      return { kind: 'fail', reason: `Round ${open.round} of ${open.stage} failed: ${merged.reason}` };
    }
    if (merged.kind === 'merged') {
      const failed = decision.failed.map(({ site, key, fault }) => ({ site, key, reason: fault }));
      const figures = meanFigures(decision.accepted.flatMap(({ update }) => (update ? [update.value] : [])));
      return { kind: 'seal', updates, failed, merged: { global: merged.global, state: merged.state, figures } };
    }
    const reasons = new Map<string, string>();
    for (const { input, reason, forGood } of merged.refused) {
      const key = updates.find(({ weights }) => weights?.key === input.weights.key)?.key as string;
      reasons.set(key, reason);
      if (forGood) await recordRefusal(context, terms, input.site, key, reason);
    }
    candidates = candidates.map((candidate) => {
      const fault = candidate.fault ?? reasons.get(candidate.key);
      return { ...candidate, fault };
    });
  }
}

function entryOf({ site, key, update }: Candidate): SealEntries {
  if (!update) return [];
  const { samples, weights } = update.value;
  const file = weights && { key: weights.key, sha256: weights.sha256, bytes: weights.bytes };
  return [{ site, key, sha256: update.sha256, samples, weights: file }];
}

/** Notes what can never be merged, so that its site sees it and no later look reads it again. */
async function recordRefusal(
  { objects, now, log }: RoundContext,
  { bucket, open }: RoundTerms,
  site: string,
  update: string,
  reason: string,
): Promise<void> {
  const { campaign, stage, round } = open;
  log('update-refused', { campaign, stage, round, site, reason });
  await createJson(objects, bucket, federationKeys.refusal(update), refusalSchema, {
    schema: 'fedcardio.refusal/1',
    campaign,
    stage,
    round,
    site,
    at: now().toISOString(),
    update,
    reason,
  });
}

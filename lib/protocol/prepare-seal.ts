import type { Refused } from '../aggregation/inputs.ts';
import { mapConcurrently } from '../async.ts';
import type { FedcardioError } from '../error.ts';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import { type Open, type Refusal, refusalSchema, type Seal, type StoredFile } from '../federation/schemas.ts';
import { documentBody } from '../storage/documents.ts';
import type { OwnedLease } from '../storage/lease.ts';
import { failureOfAll, type SiteRead } from '../storage/unreadable.ts';
import { type AnswerKey, listAnswers } from './answer-keys.ts';
import { type Candidate, isSettled, readAnswer, requireReadable } from './answers.ts';
import type { RoundContext } from './context.ts';
import { type Decision, roundDecision, sortAnswers } from './decision.ts';
import { meanFigures } from './figures.ts';
import { missedBefore } from './late.ts';
import { type MergedEntries, type MergeResult, mergeEntries, type SealEntries, type Sealed } from './merge-entries.ts';
import { boundedReason } from './reasons.ts';
import { sumEntries } from './secure/merge-masked.ts';
import { quorumOf } from './secure/terms.ts';
import { reportOf } from './validation.ts';

/**
 * The decision on a round; if it is to seal, with the entries of the seal and what they merge to. `sealed`: another caller
 * has sealed the round, so that what was read since may have been replaced.
 */
export type SealPreparation =
  | Exclude<Decision<Candidate>, { kind: 'seal' }>
  | { readonly kind: 'sealed' }
  | ({
      readonly kind: 'seal';
      readonly failed: Seal['failed'];
      /** Of masked updates, only their sum is known. */
      readonly merged: MergeResult & { readonly figures: Readonly<Record<string, number>>; readonly sum?: StoredFile };
    } & Sealed);

const READS_AT_ONCE = 16;

/** Whether a round would close, sealed or failed, if every answer not known to be unusable were usable. */
export function couldClose(open: Open, answers: readonly AnswerKey[], now: Date, deadline: Date): boolean {
  const atBest = answers.map(({ unusable, ...answer }) => ({ ...answer, fault: unusable }));
  return roundDecision(open, quorumOf(open), atBest, now, deadline).kind !== 'wait';
}

/**
 * Decides on a round from its answers and merges them if it closes. The merge comes before the seal because only the
 * merge reads weights to the end (docs/decisions, "Merge before seal"): an update found unusable is refused, and the round
 * is decided again without it. What is sealed is therefore known to merge. Late updates of the round before decide nothing.
 *
 * @param deadline the round's deadline, extended by pauses
 * @throws FedcardioError `NEWER_SCHEMA` if the round fails without an update that only a newer release can read; `STORAGE` if
 *   it fails without one that a right may make readable, or if the updates of all sites cannot be read
 */
export async function prepareSeal(
  context: RoundContext,
  open: Open,
  deadline: Date,
  answers: readonly AnswerKey[],
  lease: Pick<OwnedLease, 'renew'>,
): Promise<SealPreparation> {
  const now = context.now();
  const before = await missedBefore(context.federationStore, open);
  let candidates = await readAnswers(context, open, answers);
  requireReadable(open, candidates);
  const settledOf = (answers: readonly Candidate[]) =>
    answers.filter((answer) => isSettled(answer, now, context.countingSeconds));
  const settled = settledOf(candidates);
  if (settled.length < candidates.length) {
    const decision = roundDecision(open, quorumOf(open), settled, now, deadline);
    if (decision.kind === 'wait') return decision;
  }
  let late = before
    ? settledOf(await readAnswers(context, before, await listAnswers(context.federationStore, before)))
    : [];
  const isSealed = async () => (await context.federationStore.head(federationKeys.seal(open))) !== undefined;
  const faulty = [
    ...candidates.map((answer) => ({ ...answer, of: open })),
    ...late.map((answer) => ({ ...answer, of: before as Open })),
  ].filter(isNewlyFaulty);
  if (faulty.length > 0 && (await isSealed())) return { kind: 'sealed' };
  for (const { of, site, key, fault = '' } of faulty) await recordRefusal(context, of, site, key, fault);
  for (;;) {
    const decision = roundDecision(open, quorumOf(open), candidates, now, deadline);
    const unread = decision.kind === 'fail' && unreadOf(open, candidates);
    if (unread) throw unread;
    if (decision.kind === 'fail' && (await isSealed())) return { kind: 'sealed' };
    if (decision.kind !== 'seal') return decision;
    const sealed: Sealed = {
      updates: decision.accepted.flatMap((answer) => entryOf(open, answer)),
      ...lateOf(before, late),
    };
    const merged = await combine(context, open, sealed, lease);
    if (merged.kind === 'impossible') {
      return { kind: 'fail', reason: `Round ${open.round} of ${open.stage} failed: ${merged.reason}` };
    }
    if (merged.kind === 'merged') {
      const failed = decision.failed.map(({ site, key, fault }) => ({ site, key, reason: fault }));
      const figures = meanFigures(decision.accepted.flatMap(({ update }) => (update ? [update.value] : [])));
      const { kind, ...result } = merged;
      return { kind: 'seal', ...sealed, failed, merged: { ...result, figures } };
    }
    const failure = failureOfAll(weightsRead(sealed.updates, merged.refused), open.participants.length);
    if (failure) throw failure;
    if (merged.refused.some(({ permanent }) => permanent) && (await isSealed())) return { kind: 'sealed' };
    const faults = new Map<FederationKey, Pick<Candidate, 'unread'> & { readonly fault: string }>();
    for (const { input, permanent, unreadable, ...refused } of merged.refused) {
      const reason = boundedReason(refused.reason);
      const entries = input.late ? sealed.late : sealed.updates;
      const key = entries?.find(({ weights }) => weights?.key === input.weights.key)?.key as FederationKey;
      faults.set(key, { fault: reason, ...(unreadable && !permanent && { unread: unreadable.error }) });
      if (permanent) await recordRefusal(context, input.late ? (before as Open) : open, input.site, key, reason);
    }
    const withFaults = (answers: readonly Candidate[]) =>
      answers.map((answer) => ({ ...answer, ...faults.get(answer.key) }));
    candidates = withFaults(candidates);
    late = withFaults(late);
  }
}

/** Merges the updates, or adds them up if they are masked. */
async function combine(
  { federationStore }: RoundContext,
  open: Open,
  sealed: Sealed,
  lease: Pick<OwnedLease, 'renew'>,
): Promise<Exclude<MergedEntries, { kind: 'merged' }> | ({ kind: 'merged'; sum?: StoredFile } & MergeResult)> {
  if (!open.secure) return mergeEntries(federationStore, open, sealed, lease);
  const summed = await sumEntries(federationStore, open, sealed, lease);
  return summed.kind === 'refused' ? summed : { kind: 'merged', global: null, state: null, sum: summed.sum };
}

const readAnswers = (context: RoundContext, open: Open, answers: readonly AnswerKey[]): Promise<readonly Candidate[]> =>
  mapConcurrently(answers, READS_AT_ONCE, (answer) =>
    readAnswer(context, open, answer, "the coordinator's deployment"),
  );

/** Whether an answer is unusable for good, and its site has not been told so. */
const isNewlyFaulty = ({ fault, unread, unusable }: Candidate): boolean => fault !== undefined && !unread && !unusable;

/** The usable late answers as entries of a seal; nothing if there are none. */
function lateOf(before: Open | undefined, answers: readonly Candidate[]): Pick<Sealed, 'late'> {
  const entries = before ? sortAnswers(before, answers).accepted.flatMap((answer) => entryOf(before, answer)) : [];
  return entries.length === 0 ? {} : { late: entries.map(({ validation: _, clipped: __, ...entry }) => entry) };
}

/** Why an update of a participant without a usable one cannot be read now: an upgrade or a right may make it usable. */
function unreadOf(open: Open, candidates: readonly Candidate[]): FedcardioError | undefined {
  const failed = new Set(sortAnswers(open, candidates).failed.map(({ site }) => site));
  return candidates.find(({ site, unread }) => unread && failed.has(site))?.unread;
}

/** The sites whose weights a merge had to read, and why it could not. */
const weightsRead = (updates: SealEntries, refused: readonly Refused[]): readonly SiteRead[] =>
  updates.flatMap(({ site, weights }) =>
    weights ? [{ site, unreadable: refused.find(({ input }) => input.weights.key === weights.key)?.unreadable }] : [],
  );

function entryOf(open: Open, { site, key, update }: Candidate): SealEntries {
  if (!update) return [];
  const { samples, weights } = update.value;
  const file = weights && { key: weights.key, sha256: weights.sha256, bytes: weights.bytes };
  const validation = reportOf(open, update.value);
  const commitment = update.value.secure?.content.commitment;
  const clipped = update.value.privacy?.clipped;
  return [
    {
      site,
      key,
      sha256: update.sha256,
      samples,
      weights: file,
      ...(validation && { validation }),
      ...(open.secure && commitment !== undefined && { commitment }),
      ...(clipped !== undefined && { clipped }),
    },
  ];
}

/** Records that an update can never be merged: its site sees the reason, and no later call reads the update again. */
async function recordRefusal(
  { federationStore, now, log }: RoundContext,
  { campaign, stage, round }: Open,
  site: string,
  update: FederationKey,
  reason: string,
): Promise<void> {
  log('update-refused', { campaign, stage, round, site, reason });
  const refusal: Refusal = {
    schema: 'fedcardio.refusal/1',
    campaign,
    stage,
    round,
    site,
    at: now().toISOString(),
    update,
    reason,
  };
  // What lies there already may be the site's own and unreadable: the update counts as refused all the same.
  await federationStore.putIfAbsent(federationKeys.refusal(update), documentBody(refusalSchema, refusal));
}

import { mapConcurrently } from '../async.ts';
import { FAILED_ID, federationKeys, parseUpdateKey } from '../federation/keys.ts';
import { type Commit, commitSchema, type Open, sealSchema } from '../federation/schemas.ts';
import { tryReadJson } from '../storage/documents.ts';
import type { AnswerKey } from './answer-keys.ts';
import { isSettled, readAnswer, requireReadable } from './answers.ts';
import type { ReaderContext } from './context.ts';
import { sortAnswers } from './decision.ts';
import { deadlineOf, type Pauses } from './pauses.ts';
import { type Reductions, reductionsOf } from './reductions.ts';
import { type Awaited, awaitedOfRound } from './secure/awaited.ts';
import type { RoundState } from './state.ts';

export interface RoundStatus extends Reductions {
  readonly round: number;
  readonly phase: RoundState['phase'];
  readonly openedAt: string;
  readonly deadline: string;
  readonly committedAt: string | undefined;
  readonly participants: readonly string[];
  readonly quorum: number;
  /** Sites with a usable update, or with an update in the seal. */
  readonly updated: readonly string[];
  /** Sites that an open or sealed round waits for. */
  readonly waitingFor: readonly string[];
  /** What a sealed round with secure aggregation waits for. */
  readonly awaited?: Awaited;
  /** Recorded failures and updates that could not be merged. */
  readonly failed: readonly {
    readonly site: string;
    readonly reason: string;
    /** Whether the site sent an update that was refused; otherwise its GPU task failed. */
    readonly refused: boolean;
  }[];
  /** Answers after the seal from sites without a sealed update. */
  readonly late: readonly {
    readonly site: string;
    readonly key: string;
    readonly at: string;
    /** The next round, if it has merged the answer; see `aggregation.lateFactor`. Other late answers are only stored. */
    readonly mergedIn?: number;
  }[];
  /** Sites whose late update of the round before is merged in this one. */
  readonly mergedLate: readonly string[];
  /** Figures of the commit: means over the sites, weighted by their samples. */
  readonly figures: Readonly<Record<string, number>>;
  /** What validation has found after the round, if its stage validates. */
  readonly validation?: Commit['validation'];
}

const READS_AT_ONCE = 16;

/** A round with its terms, and the participants' answers as they are listed. */
export interface AnsweredRound extends RoundState {
  readonly open: Open;
  readonly answers: readonly AnswerKey[];
}

/** The status of a round: who answered, who is missing, and the result. Read-only. */
export async function roundStatus(context: ReaderContext, round: AnsweredRound, pauses: Pauses): Promise<RoundStatus> {
  const { federationStore } = context;
  const { at, phase, open, answers } = round;
  const seal = (await tryReadJson(federationStore, federationKeys.seal(at), sealSchema))?.value;
  const commit = (await tryReadJson(federationStore, federationKeys.commit(at), commitSchema))?.value;
  const merged = new Set(seal?.updates.map(({ site }) => site));
  const sealed = new Set(seal?.failed.map(({ key }) => key));
  const awaited = seal && !commit ? await awaitedOfRound(federationStore, open, pauses, context.now()) : undefined;
  const soFar = seal ? undefined : await answersSoFar(context, open, answers);
  return {
    round: at.round,
    phase,
    openedAt: open.at,
    deadline: deadlineOf(open, pauses, context.now()).toISOString(),
    committedAt: commit?.at,
    participants: open.participants.map(({ site }) => site),
    quorum: open.quorum,
    updated: commit?.sites ?? seal?.updates.map(({ site }) => site) ?? soFar?.updated ?? [],
    waitingFor: soFar?.waitingFor ?? awaited?.sites ?? [],
    ...(awaited && { awaited }),
    failed: (seal?.failed ?? soFar?.failed ?? []).map(({ site, key, reason }) => ({
      site,
      reason,
      refused: parseUpdateKey(key)?.id !== FAILED_ID,
    })),
    late: seal
      ? answers
          .filter(({ site, key }) => !merged.has(site) && !sealed.has(key))
          .map(({ site, key, at }) => ({ site, key, at: at.toISOString() }))
      : [],
    mergedLate: seal?.late?.map(({ site }) => site) ?? [],
    ...(commit && seal ? reductionsOf(open, seal, commit) : { clipped: [], limited: [] }),
    figures: commit?.figures ?? {},
    ...(commit?.validation && { validation: commit.validation }),
  };
}

/** The rounds of a stage, with what became of late answers in the next one. */
export const withLateMerged = (rounds: readonly RoundStatus[]): readonly RoundStatus[] =>
  rounds.map((round, index) => {
    const next = rounds[index + 1];
    const late = round.late.map((answer) =>
      next?.mergedLate.includes(answer.site) ? { ...answer, mergedIn: next.round } : answer,
    );
    return { ...round, late };
  });

/** Answers of an open round as known so far: weights are read only when the round closes. */
async function answersSoFar(context: ReaderContext, open: Open, keys: readonly AnswerKey[]) {
  const answers = await mapConcurrently(keys, READS_AT_ONCE, (key) =>
    readAnswer(context, open, key, 'this installation of fedcardio'),
  );
  requireReadable(open, answers);
  const settled = answers.filter((answer) => isSettled(answer, context.now()));
  const { accepted, failed, missing } = sortAnswers(open, settled);
  return {
    updated: accepted.map(({ site }) => site),
    waitingFor: missing,
    failed: failed.map(({ site, key, fault }) => ({ site, key, reason: fault })),
  };
}

import type { Open } from '../federation/schemas.ts';
import type { AnswerKey } from './answer-keys.ts';

/** Fields of the log event `round-watched`, from which alarms are derived. */
export interface RoundProgress {
  readonly deadline: string;
  /** Number of participants with an answer that is not known to be unusable; undefined if it was only seen to be below the quorum. */
  readonly usable: number | undefined;
  readonly quorum: number;
  /** Seconds since the deadline; 0 before it. */
  readonly overdueSeconds: number;
  /** Whether quorum is missing; undefined before the last quarter of the round's time. */
  readonly shortOfQuorum: boolean | undefined;
}

/** Share of a round's time, without pauses, in which a missing quorum is reported: 6 of 24 hours suffice to call a hospital. */
const LAST_SHARE = 0.25;

/**
 * @param answers undefined if so many are missing that the quorum is
 * @param deadline the round's deadline, extended by pauses
 */
export function roundProgress(
  open: Open,
  answers: readonly AnswerKey[] | undefined,
  deadline: Date,
  now: Date,
): RoundProgress {
  const usable = answers && usableIn(open, answers);
  const leftMs = deadline.getTime() - now.getTime();
  const isLast = leftMs < LAST_SHARE * (Date.parse(open.deadline) - Date.parse(open.at));
  return {
    deadline: deadline.toISOString(),
    usable,
    quorum: open.quorum,
    overdueSeconds: Math.max(0, Math.round(-leftMs / 1000)),
    shortOfQuorum: isLast ? usable === undefined || usable < open.quorum : undefined,
  };
}

function usableIn(open: Open, answers: readonly AnswerKey[]): number {
  const participants = new Set(open.participants.map(({ site }) => site));
  return new Set(answers.filter(({ site, unusable }) => !unusable && participants.has(site)).map(({ site }) => site))
    .size;
}

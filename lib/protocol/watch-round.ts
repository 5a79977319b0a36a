import type { Open } from '../federation/schemas.ts';
import type { AnswerKey } from './state.ts';

/** What those who watch over a round are told with each look at it: alarms rest on this. */
export interface RoundWatch {
  readonly deadline: string;
  /** Participants that have answered with what is not known to be unusable. */
  readonly usable: number;
  readonly quorum: number;
  /** 0 until the deadline. */
  readonly overdueSeconds: number;
  /** Whether quorum is missing in the last quarter of the round's time; undefined before that. */
  readonly shortOfQuorum: boolean | undefined;
}

/** A quarter of a day is time enough to telephone a hospital. */
const LAST_SHARE = 0.25;

/** @param deadline the round's, put off by pauses */
export function watchOf(open: Open, answers: readonly AnswerKey[], deadline: Date, now: Date): RoundWatch {
  const participants = new Set(open.participants.map(({ site }) => site));
  const usable = new Set(
    answers.filter(({ site, unusable }) => !unusable && participants.has(site)).map(({ site }) => site),
  ).size;
  const leftMs = deadline.getTime() - now.getTime();
  const isLast = leftMs < LAST_SHARE * (deadline.getTime() - Date.parse(open.at));
  return {
    deadline: deadline.toISOString(),
    usable,
    quorum: open.quorum,
    overdueSeconds: Math.max(0, Math.round(-leftMs / 1000)),
    shortOfQuorum: isLast ? usable < open.quorum : undefined,
  };
}

import { isOutage } from '../../../lib/error.ts';

/** What a look at an inbox keeps of a folder for the next. Times are monotonic, ms: clocks of file servers differ. */
export interface Seen {
  readonly state: string;
  /** When this state was first seen. */
  readonly since: number;
  /** When the first of the states was seen that followed on each other without an import. */
  readonly changingSince: number;
  /** Of the last import of this state. */
  readonly failure?: Failure | undefined;
}

/** Each import reads and converts the whole folder, so that the pauses between those that fail grow. */
interface Failure {
  readonly error: unknown;
  readonly pauseSeconds: number;
  readonly until: number;
}

const LONGEST_PAUSE_SECONDS = 600;

/** The pause after the first failure is doubled by each that follows. */
export function failureOf(error: unknown, before: Failure | undefined, firstPauseSeconds: number): Failure {
  const pauseSeconds = before ? Math.min(2 * before.pauseSeconds, LONGEST_PAUSE_SECONDS) : firstPauseSeconds;
  return { error, pauseSeconds, until: performance.now() + pauseSeconds * 1000 };
}

/** A folder with its state of now. A new state ends the pauses after failed imports. */
export function seenAs(state: string, last: Seen | undefined): Seen {
  if (last?.state === state) return last;
  const since = performance.now();
  return { state, since, changingSince: last && !last.failure ? last.changingSince : since };
}

/** Where one import works, the storage is back: those that failed without it need not wait any longer. */
export const withoutOutages = (seen: ReadonlyMap<string, Seen>): ReadonlyMap<string, Seen> =>
  new Map([...seen].map(([name, one]) => [name, isOutage(one.failure?.error) ? { ...one, failure: undefined } : one]));

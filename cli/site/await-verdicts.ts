import { setTimeout as delay } from 'node:timers/promises';
import type { CaseState } from './case-states.ts';
import type { StatesReader } from './read-states.ts';

export interface AwaitOptions {
  /** Names of the cases whose verdicts are awaited. */
  readonly cases: ReadonlySet<string>;
  /** Seconds without any new verdict after which the waiting ends. */
  readonly patienceSeconds: number;
  readonly signal: AbortSignal;
  readonly onLook?: (decided: number, total: number) => void;
  /** Called once if intake says nothing new in the first minute. */
  readonly onSilence?: () => void;
  /** For tests. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;
/** After which intake's silence is told, and an old rejection of a file that was uploaded again counts: intake does not rewrite one that stays the same. */
const OLD_SECONDS = 60;

/** Waits until intake has decided on every case. Those without a verdict at the end are `pending`. */
export async function awaitVerdicts(
  reader: StatesReader,
  { cases, patienceSeconds, signal, onLook = () => undefined, onSilence = () => undefined, ...options }: AwaitOptions,
): Promise<readonly CaseState[]> {
  const sleep = options.sleep ?? ((ms: number) => delay(ms, undefined, { signal }));
  let [quiet, pause, before] = [0, FIRST_PAUSE_MS, -1];
  let [isSilent, trustsOld] = [true, false];
  for (;;) {
    signal.throwIfAborted();
    // For good: if old rejections counted and then did not, the number of verdicts would rise again and again.
    trustsOld ||= quiet >= OLD_SECONDS * 1000;
    const { cases: found } = await reader.read(cases, trustsOld);
    const decided = found.filter(({ verdict }) => verdict !== 'pending').length;
    onLook(decided, found.length);
    if (decided === found.length) return found;
    if (isSilent && quiet >= OLD_SECONDS * 1000) {
      isSilent = false;
      onSilence();
    }
    if (decided > before) {
      // The first look finds verdicts of earlier uploads.
      isSilent &&= before < 0;
      [quiet, pause] = [0, FIRST_PAUSE_MS];
    } else if (quiet >= patienceSeconds * 1000) return (await reader.read(cases)).cases;
    before = decided;
    await sleep(pause);
    quiet += pause;
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}

import { describeError } from '../../lib/error.ts';
import { counted } from '../../lib/report/format.ts';

/** A step of a smoke test. */
export interface Step {
  /** The site that it concerns, if one. */
  readonly site?: string;
  readonly step: string;
  readonly ok: boolean;
  /** Seconds that it took. */
  readonly seconds: number;
  /** What was found, or why it failed. */
  readonly found: string;
}

export interface Steps {
  readonly all: readonly Step[];
  /** Runs a step. A failure is recorded, and undefined is returned; an interruption is thrown. */
  run<T>(name: Pick<Step, 'site' | 'step'>, work: () => Promise<readonly [T, string]>): Promise<T | undefined>;
}

export function createSteps(signal: AbortSignal, say: (step: Step) => void): Steps {
  const all: Step[] = [];
  const record = (step: Step) => {
    all.push(step);
    say(step);
  };
  return {
    all,
    async run(name, work) {
      const started = performance.now();
      const seconds = () => Math.round((performance.now() - started) / 100) / 10;
      try {
        const [result, found] = await work();
        record({ ...name, ok: true, seconds: seconds(), found });
        return result;
      } catch (error) {
        signal.throwIfAborted();
        record({ ...name, ok: false, seconds: seconds(), found: describeError(error) });
        return undefined;
      }
    },
  };
}

export const stepLine = ({ site, step, ok, seconds, found }: Step): string =>
  `${ok ? '✓' : '✗'} ${site === undefined ? '' : `${site}: `}${step} (${seconds.toFixed(1)} s): ${found}`;

export function stepsText(all: readonly Step[]): string {
  const failed = all.filter(({ ok }) => !ok);
  return failed.length === 0
    ? `The smoke test passed: ${counted(all.length, 'step')}.`
    : `The smoke test failed: ${failed.length} of ${counted(all.length, 'step')}.`;
}

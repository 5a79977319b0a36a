import { pick, type Random } from '../../lib/random.ts';

/** Interleaves concurrent invocations request by request, in an order that the seed decides. */
export interface Schedule {
  /** Resolves when it is the caller's turn. */
  turn(): Promise<void>;
  /** Resolves after this number of runs. */
  stall(runs: number): Promise<void>;
  /** Gives turns until none is requested, so that every invocation has ended or stalls. */
  run(): Promise<void>;
}

export function randomSchedule(random: Random): Schedule {
  const waiting: (() => void)[] = [];
  let stalled: { readonly runs: number; readonly resume: () => void }[] = [];

  return {
    turn: () => new Promise((resolve) => waiting.push(resolve)),
    stall: (runs) => new Promise((resume) => stalled.push({ runs, resume })),
    run: async () => {
      const earlier = stalled;
      stalled = [];
      for (const { runs, resume } of earlier) {
        if (runs > 1) stalled.push({ runs: runs - 1, resume });
        else resume();
      }
      for (let quiet = 0; quiet < 2; quiet++) {
        // Lets the last turn's continuations run before the next turn.
        await new Promise((resolve) => setImmediate(resolve));
        if (waiting.length === 0) continue;
        quiet = 0;
        const next = pick(random, waiting);
        waiting.splice(waiting.indexOf(next), 1);
        next();
      }
    },
  };
}

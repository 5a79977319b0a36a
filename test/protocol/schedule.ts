import { pick, type Random } from '../../lib/random.ts';

/** Interleaves everything that runs at once, request by request, in an order that its seed decides. */
export interface Schedule {
  /** Resolves when it is the caller's turn. */
  turn(): Promise<void>;
  /** Resolves so many runs later. */
  stall(runs: number): Promise<void>;
  /** Gives turns until nobody waits for one: all that was started has come to its end, or stalls. */
  run(): Promise<void>;
}

export function randomSchedule(random: Random): Schedule {
  const waiting: (() => void)[] = [];
  let stalled: { readonly runs: number; readonly goOn: () => void }[] = [];

  return {
    turn: () => new Promise((resolve) => waiting.push(resolve)),
    stall: (runs) => new Promise((goOn) => stalled.push({ runs, goOn })),
    run: async () => {
      const rested = stalled;
      stalled = [];
      for (const { runs, goOn } of rested) {
        if (runs > 1) stalled.push({ runs: runs - 1, goOn });
        else goOn();
      }
      for (let quiet = 0; quiet < 2; quiet++) {
        // All that follows from the last turn happens before the next is given.
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

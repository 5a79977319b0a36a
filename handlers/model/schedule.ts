import { pick, type Random } from '../../lib/random.ts';

/** Lets one of all waiting callers go on at a time, whichever `random` picks. */
export interface Schedule {
  /** Resolves when it is the caller's turn. */
  turn(): Promise<void>;
  /** Gives turns until the promise is settled. */
  runUntil(done: Promise<unknown>): Promise<void>;
}

/** A schedule that interleaves everything that runs at once, request by request, in an order that its seed decides. */
export function randomSchedule(random: Random): Schedule {
  const waiting = new Set<() => void>();
  return {
    turn: () => new Promise((resolve) => waiting.add(resolve)),
    runUntil: async (done) => {
      let settled = false;
      const finish = () => {
        settled = true;
      };
      done.then(finish, finish);
      while (!settled) {
        // All that follows from the last turn happens before the next is given.
        await new Promise((resolve) => setImmediate(resolve));
        if (waiting.size === 0) continue;
        const next = pick(random, [...waiting]);
        waiting.delete(next);
        next();
      }
      await done;
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';

/** A value that changes while somebody looks at it. */
export interface Live<T> {
  get(): T;
  set(value: T): void;
  /** The value once it is newer than `after`, or after some seconds. */
  next(after: number | undefined): Promise<{ readonly version: number; readonly value: T }>;
}

/** A request is answered at the latest then, ms: before a browser or a proxy gives it up. */
const PATIENCE_MS = 20_000;
/** Readers are told no more often, ms. */
const PAUSE_MS = 250;

export function createLive<T>(first: T, patienceMs = PATIENCE_MS): Live<T> {
  let [version, value] = [1, first];
  let waiting = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      [version, value] = [version + 1, next];
      const told = waiting;
      waiting = new Set();
      for (const tell of told) tell();
    },
    next: async (after) => {
      if (after === version) {
        const controller = new AbortController();
        const isOver = sleep(patienceMs, undefined, { ref: false, signal: controller.signal }).catch(() => undefined);
        let tell = (): void => undefined;
        const isTold = new Promise<void>((resolve) => {
          tell = resolve;
        });
        waiting.add(tell);
        await Promise.race([isTold, isOver]);
        controller.abort();
        waiting.delete(tell);
        // Several changes in a row are one answer.
        if (after !== version) await sleep(PAUSE_MS);
      }
      return { version, value };
    },
  };
}

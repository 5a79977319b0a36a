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

export function createLive<T>(first: T): Live<T> {
  let [version, value] = [1, first];
  let waiting: (() => void)[] = [];
  return {
    get: () => value,
    set: (next) => {
      [version, value] = [version + 1, next];
      const told = waiting;
      waiting = [];
      for (const tell of told) tell();
    },
    next: async (after) => {
      if (after === version) {
        const controller = new AbortController();
        const isOver = sleep(PATIENCE_MS, undefined, { ref: false, signal: controller.signal }).catch(() => undefined);
        await Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), isOver]);
        controller.abort();
        // Several changes in a row are one answer.
        if (after !== version) await sleep(PAUSE_MS);
      }
      return { version, value };
    },
  };
}

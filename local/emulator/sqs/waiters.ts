import type { Visibility } from './visibility.ts';

/** Long polls that wait for messages of a queue. */
export interface Waiters {
  /** Resolves when a message may be visible, at `until` (milliseconds since 1970), or when the signal fires. */
  wait(until: number, signal: AbortSignal | undefined): Promise<void>;
  /** Resolves the longest wait. To be called whenever a message may have become visible. */
  wake(): void;
  /** Resolves all waits. */
  close(): void;
}

/** Sets timers only while a wait is pending. */
export function createWaiters(visibility: Visibility): Waiters {
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;

  function wake(): void {
    const [first] = waiting;
    first?.();
  }

  /** Wakes a waiter when the next hidden message becomes visible. */
  function watch(): void {
    clearTimeout(timer);
    const next = visibility.nextAt();
    if (waiting.size === 0 || next === undefined) return;
    timer = setTimeout(
      () => {
        wake();
        watch();
      },
      Math.max(1, next - Date.now()),
    );
  }

  return {
    wait(until, signal) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(deadline);
          signal?.removeEventListener('abort', done);
          waiting.delete(done);
          watch();
          resolve();
        };
        const deadline = setTimeout(done, Math.max(0, until - Date.now()));
        signal?.addEventListener('abort', done);
        waiting.add(done);
        watch();
      });
    },
    wake,
    close() {
      for (const done of [...waiting]) done();
    },
  };
}

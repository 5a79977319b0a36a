import type { Line } from './visibility.ts';

/** Who waits for messages of a queue. */
export interface Waiters {
  /** Resolves when there may be a message, at `until` (milliseconds since 1970), or when the signal fires. */
  wait(until: number, signal: AbortSignal | undefined): Promise<void>;
  /** Lets the one who has waited longest look; to be called whenever a message is or may be visible. */
  wake(): void;
  /** Lets all look, for the last time. */
  close(): void;
}

/** Timers are set only while somebody waits: queues cost nothing by themselves. */
export function createWaiters(line: Line): Waiters {
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;

  function wake(): void {
    const [first] = waiting;
    first?.();
  }

  /** Hidden messages come into view without anybody doing anything. */
  function watch(): void {
    clearTimeout(timer);
    const next = line.nextAt();
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

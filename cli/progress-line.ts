/** Where progress goes: standard error. */
interface Target {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Tells how far long work is. */
export interface ProgressLine {
  /** The current state, as one line. Shown at once on a terminal, otherwise every few seconds. */
  show(text: string): void;
  /** Removes the line from a terminal. */
  end(): void;
}

/** Seconds between lines where there is no terminal. */
const EVERY_SECONDS = 10;
/** Seconds between changes on a terminal. */
const REFRESH_SECONDS = 0.1;

/** @param now seconds */
export function progressLine(target: Target = process.stderr, now = () => performance.now() / 1000): ProgressLine {
  let last = now();
  return {
    show(text) {
      const at = now();
      if (at - last < (target.isTTY ? REFRESH_SECONDS : EVERY_SECONDS)) return;
      last = at;
      if (target.isTTY) target.write(`\r\u001b[K${text.slice(0, (target.columns ?? 80) - 1)}`);
      else target.write(`${text}\n`);
    },
    end() {
      if (target.isTTY) target.write('\r\u001b[K');
    },
  };
}

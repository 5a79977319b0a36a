import { printable } from '../lib/printable.ts';
import { clock, counted } from '../lib/report/format.ts';

/** Where text goes: standard error. */
interface Target {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Tells how far the prediction of several CTs is. */
interface PredictProgress {
  /** A CT begins, counted from 0. */
  start(index: number, ct: string): void;
  /** Windows of this CT that are done, and all of them. */
  window(done: number, total: number): void;
  /** The CT is done; removes the line from a terminal. */
  end(): void;
}

/** Shares of a CT after which a line is written where there is no terminal. */
const LINES = 4;

/**
 * On a terminal one line that is rewritten, otherwise a line when a CT begins and after each quarter of it.
 *
 * @param now seconds
 */
export function predictProgress(count: number, target: Target, now: () => number): PredictProgress {
  const started = now();
  let [index, name, told] = [0, '', 0];
  const rewrite = (text: string) => target.write(`\r\u001b[K${text}`);
  const text = (done: number, total: number) => {
    const share = (index + done / total) / count;
    const left = share > 0 ? `, about ${clock(((now() - started) * (1 - share)) / share)} left` : '';
    return `${index + 1}/${count} ${name}: ${done} of ${counted(total, 'window')}${left}`;
  };
  return {
    start(at, ct) {
      [index, name, told] = [at, printable(ct), 0];
      if (target.isTTY) rewrite(`${index + 1}/${count} ${name}`);
      else target.write(`${index + 1}/${count} ${name}\n`);
    },
    window(done, total) {
      if (target.isTTY) {
        rewrite(text(done, total));
        return;
      }
      const quarter = Math.floor((LINES * done) / total);
      if (quarter > told && done < total) target.write(`${text(done, total)}\n`);
      told = quarter;
    },
    end() {
      if (target.isTTY) rewrite('');
    },
  };
}

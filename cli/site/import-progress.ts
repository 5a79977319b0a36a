import type { ImportProgress } from '../../lib/dicom/import.ts';
import { printable } from '../../lib/printable.ts';

interface Target {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Files after which a line is written where there is no terminal. */
const FILES_PER_LINE = 2048;

/** Tells how far an import is: one line that is rewritten on a terminal, and a line for each finished series. */
export function importProgress(target: Target): {
  readonly show: (progress: ImportProgress) => void;
  /** Removes the line from a terminal. */
  readonly end: () => void;
} {
  const clear = () => target.isTTY && target.write('\r\u001b[K');
  const rewrite = (text: string) => target.isTTY && target.write(`\r\u001b[K${printable(text)}`);
  const line = (text: string) => {
    clear();
    target.write(`${printable(text)}\n`);
  };
  return {
    show: (progress) => {
      if (progress.kind === 'files') {
        rewrite(`${progress.read} files read`);
        if (!target.isTTY && progress.read % FILES_PER_LINE === 0) line(`${progress.read} files read`);
      } else if (progress.kind === 'slices') {
        rewrite(`${progress.series}: ${progress.done} of ${progress.total} slices`);
      } else {
        const { result, done, total } = progress;
        line(`${String(done).padStart(String(total).length)}/${total} ${result.series}: ${outcome(progress)}`);
      }
    },
    end: clear,
  };
}

function outcome({ result }: Extract<ImportProgress, { readonly kind: 'series' }>): string {
  if (result.case === null) return `refused: ${result.reason}`;
  const phase = result.phase === null ? '' : `, heart phase ${Math.round(result.phase)} %`;
  return `${result.isNew ? 'imported as' : 'there already as'} ${result.case}, ${result.images} slices${phase}`;
}

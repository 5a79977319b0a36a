import { printable } from '../../lib/printable.ts';

/** A problem of a file, in words for whoever exported it. */
export interface FileFinding {
  /** Path below the folder that was checked. */
  readonly file: string;
  /** Intake's code of a fault; a code of its own for a warning. */
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

/** What intake would say of a case. */
export interface CheckedCase {
  /** Name of its folder; "." for files beside the folders of cases. */
  readonly case: string;
  /** Whether intake would catalog its CT. */
  readonly accepted: boolean;
  /** Files that intake would refuse. */
  readonly faults: readonly FileFinding[];
  /** What intake accepts, and a person should look at. */
  readonly warnings: readonly FileFinding[];
}

/** A problem in one line. */
export const findingLine = (kind: 'refused' | 'warning', { file, reason, hint }: FileFinding): string =>
  printable(`${kind.padEnd(8)} ${file}: ${reason}${hint === '' ? '' : ` ${hint}`}`);

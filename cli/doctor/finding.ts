import { describeError, isFedcardioError } from '../../lib/error.ts';
import { printable } from '../../lib/printable.ts';

export type Status = 'ok' | 'skipped' | 'warning' | 'failed';

/** What a check found. */
export interface Finding {
  readonly check: string;
  readonly status: Status;
  readonly found: string;
  /** What to do, in one line; for every warning and failure. */
  readonly cure?: string;
}

export const ok = (check: string, found: string): Finding => ({ check, status: 'ok', found });
export const skipped = (check: string, found: string): Finding => ({ check, status: 'skipped', found });
export const warning = (check: string, found: string, cure: string): Finding => ({
  check,
  status: 'warning',
  found,
  cure,
});
export const failed = (check: string, found: string, cure: string): Finding => ({
  check,
  status: 'failed',
  found,
  cure,
});

/** What a check found, or its error as a failure. */
export async function attempt(check: string, find: () => Promise<Finding>): Promise<Finding> {
  try {
    return await find();
  } catch (error) {
    return isFedcardioError(error) && error.hint
      ? failed(check, error.message, error.hint)
      : failed(check, describeError(error), 'Run it again with FEDCARDIO_DEBUG=1 for details.');
  }
}

const ORDER: readonly Status[] = ['failed', 'warning', 'ok', 'skipped'];

/** The worst status. */
export const worst = (findings: readonly Finding[]): Status =>
  ORDER.find((status) => findings.some((finding) => finding.status === status)) ?? 'ok';

const MARKS: Readonly<Record<Status, string>> = { ok: '✓', skipped: '–', warning: '!', failed: '✗' };

/** A line for each finding, followed by its cure, and a sentence on all. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  return [
    ...findings.flatMap(({ check, status, found, cure }) => [
      `${MARKS[status]} ${check.padEnd(width)}  ${printable(found)}`,
      ...(cure === undefined ? [] : [`  ${' '.repeat(width)}  → ${printable(cure)}`]),
    ]),
    '',
    `${count('ok')} ok, ${count('warning')} to look at, ${count('failed')} failed, ${count('skipped')} not checked.`,
  ].join('\n');
}

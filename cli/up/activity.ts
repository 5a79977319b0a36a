import { printable } from '../../lib/printable.ts';
import { significant } from '../../lib/report/format.ts';
import type { LauncherEvent } from '../../local/process-launcher.ts';
import { commandLine } from '../shell-words.ts';

/** What a function logged with an event. */
type Fields = Readonly<Record<string, unknown>>;

const bareLine: SiteLine = (...words) => commandLine(['npx', 'fedcardio', 'site', ...words]);

/** Lines of those events of the functions that users follow. The log file has all. */
const LINES: Readonly<Record<string, (fields: Fields, siteLine: SiteLine) => string | undefined>> = {
  'case-examined': caseLine,
  'campaign-planned': ({ campaign, stages }) => `${campaign}: planned, stages ${listed(stages)}`,
  'consent-asked': ({ site, campaign }, siteLine) =>
    `${campaign} asks ${site}, and waits for an answer: ${siteLine('consent', `${site}`, `${campaign}`)}`,
  'round-opened': (fields) => `${roundOf(fields)} opened for ${listed(fields.participants)}`,
  'round-committed': (fields) => `${roundOf(fields)} committed with ${listed(fields.sites)}${lossOf(fields.figures)}`,
  'update-refused': (fields) => `${roundOf(fields)}: the update of ${fields.site} was refused: ${fields.reason}`,
  'campaign-controlled': ({ campaign, paused }) => `${campaign}: ${paused ? 'paused' : 'resumed'}`,
  'campaign-ended': ({ campaign, status, reason }) => `${campaign}: ${status}${reason ? `: ${reason}` : ''}`,
  'tasks-published': ({ tasks }) => `tasks of the federation: ${listed(tasks)}`,
  'same-scan-suspected': ({ site, training, heldOut, reason }) =>
    training ? `${site}: cases ${training}, ${heldOut}: ${reason}` : undefined,
  'rescan-failed': ({ site, case: id, reason }) => `${site}: ${id ? `case ${id}: ` : ''}rescan failed: ${reason}`,
  'sweep-failed': ({ campaign, reason }) => `${campaign ?? 'sweep failed'}: ${reason}`,
};

/** A line of `fedcardio site`, with what selects the federation and the site's storage. */
export type SiteLine = (...words: readonly string[]) => string;

/**
 * The line of an event of the functions; undefined for one that only the log file has.
 *
 * @param siteLine writes the commands that it names
 */
export function lineOfLog(event: string, fields: Fields, siteLine: SiteLine = bareLine): string | undefined {
  const line = Object.hasOwn(LINES, event) ? LINES[event]?.(fields, siteLine) : undefined;
  return line && printable(line);
}

/** The line of an event of a GPU task; undefined for one that only the log file has. */
export function lineOfGpuTask(event: LauncherEvent): string | undefined {
  if (event.type === 'output' || event.type === 'progress' || event.type === 'outage') return undefined;
  const what = `${roundOf({ ...event.message })}: GPU task of ${event.message.site}`;
  const then = () => {
    switch (event.type) {
      case 'started':
        return event.attempt > 1 ? `started, attempt ${event.attempt}` : 'started';
      case 'done':
        return `done in ${event.seconds.toFixed(1)} s`;
      case 'retrying':
        return `will be tried again: ${event.reason}`;
      case 'failed':
        return `failed: ${event.reason}`;
    }
  };
  return printable(`${what} ${then()}`);
}

function caseLine({ site, case: id, cataloged, faults }: Fields): string {
  const reasons = (faults as readonly { readonly key: string; readonly reason: string }[]).map(
    ({ key, reason }) => `${key}: ${reason}`,
  );
  // The name of a file outside any case is its key, which the reason repeats.
  if (String(id).includes('/')) return `${site}: ${reasons.length > 0 ? reasons.join(' · ') : `${id} removed`}`;
  const found = cataloged ? 'accepted' : reasons.length > 0 ? 'rejected' : 'has no CT: removed, or not uploaded yet';
  return [`${site}: case ${id} ${found}${cataloged && reasons.length > 0 ? ', but not' : ''}`, ...reasons].join(' · ');
}

const roundOf = ({ campaign, stage, round }: Fields): string => `${campaign}: ${stage} round ${round}`;

const listed = (values: unknown): string =>
  (values as readonly unknown[])
    .map((value) => (typeof value === 'object' && value && 'site' in value ? value.site : value))
    .join(', ');

function lossOf(figures: unknown): string {
  const loss = (figures as { readonly loss?: number } | undefined)?.loss;
  return loss === undefined ? '' : `, loss ${significant(loss)}`;
}

import { Command } from 'commander';
import type { Examination, RescanReport } from '../../lib/intake/rescan.ts';
import { printable } from '../../lib/printable.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { openSite } from './site-view.ts';

interface RescanFlags extends CampaignFlags {
  readonly all?: boolean;
}

/** `fedcardio site rescan <site>`: intake for everything that its events did not tell. */
export const rescanCommand = (): Command =>
  placed(new Command('rescan').argument('<site>', 'id of the site'))
    .description("Compare a site's files with its catalog, and examine what intake has missed.")
    .option('--all', 'examine every case again, as after an update: rejected files are read again')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site rescan berlin --endpoint http://127.0.0.1:4566
  npx fedcardio site rescan berlin --federation heart --all --json

Needs the access of intake. On AWS that is the rescan function, which runs every hour:
  aws lambda invoke --function-name heart-berlin-rescan /dev/stdout`,
    )
    .action(rescan);

async function rescan(site: string, flags: RescanFlags): Promise<void> {
  const [{ rescanSite }, { createSummaryCache }, { readTasks }] = await Promise.all([
    import('../../lib/intake/rescan.ts'),
    import('../../lib/intake/summary.ts'),
    import('../../lib/storage/federation-tasks.ts'),
  ]);
  const { federationStore, store } = await openSite(site, flags);
  const tasks = await readTasks({ federation: {}, federationStore });
  const context = { store, site, tasks, now: () => new Date() };
  const report = await rescanSite(context, federationStore, createSummaryCache(), {
    until: new Date(NO_END),
    all: flags.all ?? false,
    onExamined: (examination, done, total) =>
      console.error(`${String(done).padStart(String(total).length)}/${total} ${examinationLine(examination)}`),
  });
  if (flags.json) printJson('rescan', { site, ...report });
  else console.log(rescanText(site, report));
  if (report.failed.length > 0) process.exitCode = 1;
}

/** The last time that a Date can hold, ms. */
const NO_END = 8.64e15;

function examinationLine({ subject, result, repaired }: Examination): string {
  const what = () => {
    if (result instanceof Error) return `failed: ${result.message}`;
    if (!repaired) return 'up to date';
    if (result.entry) return result.faults.length === 0 ? 'accepted' : `accepted without ${result.faults.length} files`;
    return result.faults[0] ? `rejected: ${result.faults[0].reason}` : 'removed';
  };
  return printable(`${subject}: ${what()}`);
}

/** The result in a sentence, followed by the failures. */
export function rescanText(site: string, { listed, examined, repaired, failed }: RescanReport): string {
  const cases = (count: number) => `${count} ${count === 1 ? 'case' : 'cases'}`;
  return [
    `${site}: ${cases(listed)} listed, ${examined} examined, ${repaired.length} repaired, ${failed.length} failed.`,
    ...failed.map(({ subject, reason }) => printable(`${subject}: ${reason}`)),
  ].join('\n');
}

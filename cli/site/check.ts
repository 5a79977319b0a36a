import { Command } from 'commander';
import { federationSchema, taskListSchema } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS, type Task } from '../../lib/federation/tasks.ts';
import { parseJson } from '../../lib/json.ts';
import { counted } from '../../lib/report/format.ts';
import { onInterrupt } from '../interrupt.ts';
import { printJson } from '../print-json.ts';
import { progressLine } from '../progress-line.ts';
import { readInput } from '../read-input.ts';
import { type CheckedCase, findingLine } from './checked-case.ts';

interface CheckFlags {
  readonly federation?: string;
  readonly json?: boolean;
}

/** `fedcardio site check <dir>`: what intake would say, before anything leaves the machine. */
export const checkCommand = (): Command =>
  new Command('check')
    .argument('<dir>', 'folder of cases, or a data set of nnU-Net')
    .description('Check CTs and labels as intake would, before anything leaves this machine.')
    .option('--federation <file>', 'federation.json or tasks.json with the tasks of your federation')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site check CASES
  npx fedcardio site check CASES --federation federation.json --json > check.json

CASES holds <case>/image.nii.gz and <case>/labels/<task>.nii.gz or .mrk.json; or the folders cases/ and held-out/ of such.
Exits with 1 if a file would be refused. Warnings refuse nothing.`,
    )
    .action(check);

async function check(dir: string, flags: CheckFlags): Promise<void> {
  const [{ checkFolder }, { readSiteFolder }] = await Promise.all([
    import('./check-folder.ts'),
    import('./site-folder.ts'),
  ]);
  const known = tasksOfFile(flags.federation);
  const folder = readSiteFolder(dir, known);
  // Without a federation to ask, a data set's own labels count as those of a task.
  const tasks = flags.federation === undefined ? [...known, ...folder.tasks] : known;
  const progress = progressLine();
  const { signal, release } = onInterrupt();
  try {
    const cases = await checkFolder(folder, {
      tasks,
      signal,
      onChecked: (done, total) => progress.show(`checked ${done} of ${counted(total, 'case')}`),
    });
    progress.end();
    if (flags.json) printJson('site-check', { cases });
    else console.log(checkText(cases));
    if (cases.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  } finally {
    release();
  }
}

/**
 * The tasks that a `federation.json` or `tasks.json` declares; the default ones without a file.
 *
 * @throws FedcardioError BAD_MESSAGE with the path of each fault
 */
function tasksOfFile(file: string | undefined): readonly Task[] {
  if (file === undefined) return DEFAULT_TASKS;
  const body = readInput(file);
  const isTasks = /"fedcardio\.tasks\//.test(new TextDecoder().decode(body));
  return isTasks
    ? parseJson(body, taskListSchema, file).tasks
    : (parseJson(body, federationSchema, file).tasks ?? DEFAULT_TASKS);
}

/** A line for each finding, and a closing sentence. */
export function checkText(cases: readonly CheckedCase[]): string {
  const lines = cases.flatMap(({ faults, warnings }) => [
    ...faults.map((finding) => findingLine('refused', finding)),
    ...warnings.map((finding) => findingLine('warning', finding)),
  ]);
  return [...lines, ...(lines.length > 0 ? [''] : []), checkSentence(cases)].join('\n');
}

/** "12 of 14 cases would be accepted." */
function checkSentence(cases: readonly CheckedCase[]): string {
  const own = cases.filter((one) => one.case !== '.');
  const accepted = own.filter((one) => one.accepted).length;
  const without = own.filter((one) => one.accepted && one.faults.length > 0).length;
  const sentence = `${accepted} of ${counted(own.length, 'case')} would be accepted`;
  return `${sentence}${without > 0 ? `, ${without} of them without some of their files` : ''}.`;
}

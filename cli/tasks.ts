import { Command } from 'commander';
import type { Task } from '../lib/federation/tasks.ts';
import { printable, printableJson } from '../lib/printable.ts';
import type { PublishedTasks, TaskChange } from '../lib/protocol/set-tasks.ts';
import { type CampaignFlags, campaignContext, placed } from './campaign.ts';
import { readInput } from './read-input.ts';
import { table } from './table.ts';

/** `fedcardio tasks <command>`: what the networks of a federation learn. */
export const tasksCommand = (): Command =>
  new Command('tasks')
    .addHelpText(
      'after',
      '\nExamples:\n  npx fedcardio tasks list --endpoint http://127.0.0.1:4566\n  npx fedcardio tasks set tasks.json --federation heart',
    )
    .addCommand(listCommand())
    .addCommand(setCommand());

const listCommand = (): Command =>
  placed(new Command('list'))
    .description('Show the tasks of a federation, and the classes of their labels.')
    .addHelpText(
      'after',
      '\nExamples:\n  npx fedcardio tasks list --endpoint http://127.0.0.1:4566\n  npx fedcardio tasks list --federation heart --json > tasks.json',
    )
    .action(list);

interface SetFlags extends CampaignFlags {
  readonly force?: boolean;
}

const setCommand = (): Command =>
  placed(new Command('set').argument('<file>', 'tasks.json, or a federation.json with tasks'))
    .description('Give a federation other tasks. Its sites learn of them without a new deployment.')
    .option('--force', 'also change or remove tasks that sites have labels of')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio tasks set tasks.json --endpoint http://127.0.0.1:4566
  npx fedcardio tasks set examples/custom-task/federation.json --federation heart --json

The file has all tasks that the federation shall have (see docs/tasks.md). Campaigns that are planned keep theirs.`,
    )
    .action(set);

async function list(flags: CampaignFlags): Promise<void> {
  const { publishedTasks } = await import('../lib/protocol/set-tasks.ts');
  const context = await campaignContext(flags);
  const found = await publishedTasks(context);
  console.log(
    flags.json
      ? printableJson({ schema: 'fedcardio.tasks/1', tasks: found.tasks })
      : listText(context.federation.id, found),
  );
}

async function set(file: string, flags: SetFlags): Promise<void> {
  const { parseTaskFile, setTasks } = await import('../lib/protocol/set-tasks.ts');
  const tasks = parseTaskFile(readInput(file), file);
  const context = await campaignContext(flags);
  const federation = context.federation.id;
  const changes = await setTasks(context, tasks, { force: flags.force === true });
  console.log(
    flags.json
      ? printableJson({ schema: 'fedcardio.tasks-set/1', federation, changes })
      : setText(federation, tasks, changes),
  );
}

/** The tasks as a table, and where they are declared. */
export function listText(federation: string, { tasks, isDefault }: PublishedTasks) {
  const rows = tasks.map(({ id, kind, classes, title }) => [
    id,
    kind,
    classes.map((name, index) => `${index + 1} ${name}`).join(', '),
    printable(title),
  ]);
  return [
    `Tasks of the federation "${federation}", ${isDefault ? 'which declares none: the default ones' : 'from its tasks.json'}:`,
    '',
    ...table(['task', 'kind', 'classes', 'title'], rows),
  ].join('\n');
}

/** What changed, in a sentence for each task. */
export function setText(federation: string, tasks: readonly Task[], changes: readonly TaskChange[]): string {
  if (changes.length === 0) return `The federation "${federation}" has these ${tasks.length} tasks already.`;
  return [
    `The federation "${federation}" has ${tasks.length} tasks now:`,
    ...changes.map(({ task, change }) => `  ${task}: ${change}`),
    'Sites examine rejected files again at their next rescan, within the hour; with `fedcardio up`, within two minutes.',
  ].join('\n');
}

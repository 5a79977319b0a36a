import { Command } from 'commander';
import { printable } from '../../lib/printable.ts';
import { counted } from '../../lib/report/format.ts';
import type { Queues } from '../../lib/storage/contract.ts';
import { type CampaignFlags, campaignContext, placed } from '../campaign.ts';
import { atLeastOne } from '../options.ts';
import { printJson } from '../print-json.ts';
import { table } from '../table.ts';
import {
  countLetters,
  eachQueue,
  type LetterQueue,
  type QueueLetters,
  type QueueProblem,
  readLetters,
  redrive,
} from './letters.ts';
import { federationQueues, queuePlaces, queuesNamed } from './queues.ts';
import { describeMessage } from './words.ts';

interface LetterFlags extends CampaignFlags {
  readonly queue?: string;
  readonly max: number;
}

const ABOUT_SITES = `
Without federation.json, the sites are those that have sent counts, all on AWS. Queues of other accounts need access to
them.`;

/** `fedcardio dead-letters <command>`: messages that failed five times. */
export const deadLettersCommand = (): Command =>
  new Command('dead-letters')
    .addHelpText('after', '\nExamples:\n  npx fedcardio dead-letters list --endpoint http://127.0.0.1:4566')
    .addCommand(
      about('list', 'Count the dead letters of every queue.', 'list --federation federation.json').action(list),
    )
    .addCommand(
      about('show', 'Show dead letters: the case, round or campaign of each.', 'show --queue heart-berlin-intake')
        .option('--max <number>', 'most messages of a queue to show', atLeastOne, 100)
        .action(show),
    )
    .addCommand(
      about(
        'redrive',
        'Send dead letters to their queues again, once their cause is fixed. Safe to repeat.',
        'redrive --queue heart-berlin-intake',
      ).action(redriveAll),
    );

const about = (name: string, description: string, example: string): Command =>
  placed(new Command(name))
    .description(description)
    .option('--queue <name>', 'only this queue (default: all queues of the federation)')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio dead-letters ${name} --endpoint http://127.0.0.1:4566
  npx fedcardio dead-letters ${example}
${ABOUT_SITES}`,
    );

async function list(flags: LetterFlags): Promise<void> {
  const { queues, letterQueues } = await open(flags);
  const counts = await countLetters(queues, letterQueues);
  if (flags.json) printJson('dead-letters', { queues: counts });
  else console.log(listText(counts));
  if (counts.some(({ problem }) => problem !== undefined)) process.exitCode = 1;
}

async function show(flags: LetterFlags): Promise<void> {
  const { queues, letterQueues } = await open(flags);
  const messages: { readonly queue: string; readonly id: string; readonly about: string; readonly body: string }[] = [];
  const { results, problems } = await eachQueue(letterQueues, (queue) => readLetters(queues, queue, flags.max));
  for (const { queue, result } of results) {
    for (const { id, body } of result) messages.push({ queue, id, about: describeMessage(body), body });
  }
  report(problems);
  if (flags.json) return printJson('dead-letter-messages', { messages });
  const rows = messages.map(({ queue, about }) => [queue, about]);
  console.log(rows.length === 0 ? noLetters(problems) : table(['queue', 'message'], rows).join('\n'));
}

async function redriveAll(flags: LetterFlags): Promise<void> {
  const { queues, letterQueues } = await open(flags);
  const { results: redriven, problems } = await eachQueue(letterQueues, (queue) => redrive(queues, queue));
  const results = redriven.map(({ result }) => result);
  report(problems);
  if (flags.json) return printJson('dead-letters-redriven', { queues: results });
  const moved = results.filter(({ sent, cameBack }) => sent + cameBack > 0);
  if (moved.length === 0) return console.log(noLetters(problems));
  for (const { queue, sent, cameBack } of moved) {
    const again = cameBack > 0 ? `; ${cameBack} failed again, or are copies, and stay` : '';
    console.log(`${queue}: ${counted(sent, 'message')} sent again${again}.`);
  }
}

/** Names the queues that could not be read. */
function report(problems: readonly QueueProblem[]): void {
  for (const { queue, problem } of problems) console.error(printable(`${queue}: ${problem}`));
  if (problems.length > 0) process.exitCode = 1;
}

const noLetters = (problems: readonly QueueProblem[]): string =>
  problems.length === 0 ? 'There are no dead letters.' : 'The other queues have no dead letters.';

/** The numbers as a table. Queues without dead letters are one line together. */
function listText(counts: readonly QueueLetters[]): string {
  const rows = counts
    .filter(({ letters }) => letters !== 0)
    .map(({ queue, letters, problem }) => [
      queue,
      letters === undefined ? '?' : String(letters),
      printable(problem ?? ''),
    ]);
  const empty = counted(counts.length - rows.length, 'queue');
  if (rows.length === 0) return `${empty}, no dead letters.`;
  return [...table(['queue', 'letters', ''], rows), '', `${empty} without dead letters.`].join('\n');
}

/** The queues that the options select. @throws FedcardioError `NOT_FOUND` with the nearest name for an unknown queue */
async function open(
  flags: LetterFlags,
): Promise<{ readonly queues: Queues; readonly letterQueues: readonly LetterQueue[] }> {
  const { createQueues } = await import('../../lib/aws/queues.ts');
  const { declared, federation, federationStore } = await campaignContext(flags);
  const specs = await federationQueues({ declared, federation, federationStore });
  const queues = createQueues({ endpoint: flags.endpoint, placeOf: queuePlaces(specs) });
  return { queues, letterQueues: flags.queue === undefined ? specs : queuesNamed(specs, flags.queue) };
}

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { FedcardioError, systemError } from '../../lib/error.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { ROOT } from '../../lib/program.ts';
import { printJson } from '../print-json.ts';
import { quoted } from '../shell-words.ts';
import { askAnswers, listOf } from './ask.ts';
import { type Answers, campaignOf, federationOf } from './documents.ts';

interface InitFlags extends Answers {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly out: string;
}

/** `fedcardio init`: writes `federation.json` and `campaign.json` to start from. */
export const initCommand = (): Command =>
  new Command('init')
    .option('--yes', 'ask nothing: use the options, and the defaults of those that are not given')
    .option('--id <id>', 'id of the federation', 'fedcardio')
    .option('--sites <list>', 'ids of the sites, separated by commas', listOf, ['site-a', 'site-b'])
    .option('--account <digits>', 'AWS account of the coordinator, with --region')
    .option('--region <name>', 'AWS region of the coordinator, with --account')
    .option('--tasks <list>', 'tasks to learn, separated by commas', listOf, ['hinge-points'])
    .option('--campaign <id>', 'id of the first campaign', 'first')
    .option('--out <dir>', 'folder for both files', '.')
    .option('--force', 'replace files that are there')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Tasks: ${DEFAULT_TASKS.map(({ id }) => id).join(', ')}; others can be declared in federation.json.

Examples:
  npx fedcardio init
  npx fedcardio init --yes --id heart --sites bonn,jena --tasks hinge-points,calcification
  npx fedcardio init --yes --id heart --sites bonn,jena --account 123456789012 --region eu-central-1 --out heart`,
    )
    .action(init);

async function init(flags: InitFlags): Promise<void> {
  const [federationFile, campaignFile] = ['federation.json', 'campaign.json'].map((name) => join(flags.out, name)) as [
    string,
    string,
  ];
  requireAbsent([federationFile, campaignFile], flags.force === true);
  const answers = flags.yes ? flags : await asked(flags);
  const federation = { $schema: schemaPath(flags.out, 'federation'), ...federationOf(answers) };
  const campaign = { $schema: schemaPath(flags.out, 'campaign'), ...campaignOf(answers, DEFAULT_TASKS) };
  write(flags.out, federationFile, federation);
  write(flags.out, campaignFile, campaign);
  if (flags.json)
    printJson('init', { files: [federationFile, campaignFile], federation: answers.id, sites: answers.sites });
  else console.log(nextSteps(answers, federationFile, campaignFile));
}

function requireAbsent(files: readonly string[], force: boolean): void {
  const there = files.filter((file) => existsSync(file));
  if (force || there.length === 0) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `${there.join(' and ')} ${there.length === 1 ? 'exists' : 'exist'} already.`,
    {
      hint: 'Choose another folder with --out, or replace what is there with --force.',
    },
  );
}

async function asked(flags: InitFlags): Promise<Answers> {
  if (!process.stdin.isTTY) {
    throw new FedcardioError('BAD_CONFIGURATION', 'There is no terminal to ask on.', {
      hint: 'Give the answers as options, with --yes: `npx fedcardio init --help`.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D end the questions; readline would leave the process with nothing to do.
  const ended = new AbortController();
  terminal.on('close', () => ended.abort());
  try {
    const question = (text: string) => terminal.question(text, { signal: ended.signal });
    return await askAnswers({ question }, (line) => console.error(line), flags, DEFAULT_TASKS);
  } finally {
    terminal.close();
  }
}

/** Path of a JSON Schema of this package, for editors. */
const schemaPath = (folder: string, name: string): string =>
  relative(folder, join(ROOT, `${name}.schema.json`)).replaceAll('\\', '/');

function write(folder: string, file: string, value: object): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw systemError(error, folder) ?? error;
  }
  try {
    writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    throw systemError(error, file) ?? error;
  }
}

/** What to do with the files. */
function nextSteps({ sites, account }: Answers, federationFile: string, campaignFile: string): string {
  const [federation, campaign] = [quoted(federationFile), quoted(campaignFile)];
  return [
    `Written: ${federationFile} and ${campaignFile}.`,
    'Names of hospitals, deadlines and training can be changed there; an editor shows what each field means.',
    '',
    'Next, on this machine, with a folder of cases for each site:',
    `  npx fedcardio train ${campaign} ${sites.map((site) => `--site ${quoted(`${site}=data/${site}`)}`).join(' ')}`,
    '',
    account === undefined
      ? 'Or on AWS, after account and region were added (docs/deployment.md). What it would cost:'
      : 'Or on AWS (docs/deployment.md). What it would cost:',
    `  npx fedcardio cost ${federation} --campaign ${campaign}`,
  ].join('\n');
}

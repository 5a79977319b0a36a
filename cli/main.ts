import { Command, CommanderError } from 'commander';
import { describeError } from '../lib/error.ts';
import { printableLines } from '../lib/printable.ts';
import { VERSION } from '../lib/version.ts';
import { createCommands } from './commands.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted. */
const USAGE = 2;
const INTERRUPTED = 130;

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, ${USAGE} wrong command line, ${INTERRUPTED} interrupted`;

// Set before the commands are added, which inherit it: commander's own exit code for a wrong command line is 1.
const program = new Command('fedcardio')
  .description('Hospitals train one cardiac-CT model together; images never leave them.')
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError('(run with --help for the options)')
  .addHelpText(
    'after',
    `
Examples:
  npx fedcardio demo --quick        eight hospitals, start to finish, in under a minute
  npx fedcardio demo                the same with enough training to learn
  npx fedcardio train --site bonn=data/bonn --site jena=data/jena    your own CTs on this machine
  npx fedcardio up                  a federation on this machine, for your own CTs
  npx fedcardio doctor              check this machine; with --endpoint also storage and queues
  npx fedcardio campaign report demo-full-1 --endpoint http://127.0.0.1:4566${EXIT_CODES}`,
  );

function inherit(command: Command): Command {
  for (const child of command.commands) inherit(child);
  command.addHelpText('after', EXIT_CODES);
  return command.copyInheritedSettings(program);
}

const words = new Set(process.argv.slice(2));
// A script that completes words has all of them.
const commands = await createCommands((name) => words.has(name) || words.has('completion'));
for (const command of commands) program.addCommand(inherit(command));
// Arguments and options are known of commands that are loaded, so that the list has none.
program.configureHelp({ subcommandTerm: (command) => command.name() });

// A reader such as `head` has what it wants.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof Error && error.name === 'AbortError') return INTERRUPTED;
  // A package that a newer version needs: the launcher says how to install it.
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ERR_MODULE_NOT_FOUND') throw error;
  console.error(`error: ${printableLines(describeError(error))}`);
  if (process.env.FEDCARDIO_DEBUG && error instanceof Error) console.error(error.stack, error.cause ?? '');
  return 1;
}

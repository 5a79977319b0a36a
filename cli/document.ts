import type { Command } from 'commander';
import { code, markdownTable } from '../lib/federation/documents/markdown.ts';
import { createCommands } from './commands.ts';

/** The table of commands, for README.md. */
export const commandsTable = (): string =>
  markdownTable(
    ['`fedcardio …`', 'what it does'],
    createCommands().map((command) => [
      code([command.name(), ...argumentsOf(command)].join(' ')),
      command.description(),
    ]),
  );

const argumentsOf = (command: Command): readonly string[] =>
  command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}…` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });

import type { Command } from 'commander';
import { code, markdownTable } from '../lib/federation/documents/markdown.ts';
import { createCommands } from './commands.ts';

/** The table of commands, for README.md. */
export const commandsTable = async (): Promise<string> =>
  markdownTable(
    ['`fedcardio …`', 'what it does'],
    (await createCommands())
      .flatMap((command) => leavesOf(command))
      .map(({ names, command }) => [code([...names, ...argumentsOf(command)].join(' ')), command.description()]),
  );

/** A command, or those of a group such as `site`. */
const leavesOf = (
  command: Command,
  group: readonly string[] = [],
): readonly { readonly names: readonly string[]; readonly command: Command }[] => {
  const names = [...group, command.name()];
  return command.commands.length > 0
    ? command.commands.flatMap((child) => leavesOf(child, names))
    : [{ names, command }];
};

const argumentsOf = (command: Command): readonly string[] =>
  command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}…` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });

import type { Command } from 'commander';

/** What can follow a command's name. */
export interface Words {
  /** Names of the command's groups and its own: [] for `fedcardio` itself. */
  readonly path: readonly string[];
  /** Commands of a group, and options, with what they do. */
  readonly next: readonly { readonly word: string; readonly does: string }[];
}

/** The words of a command and of all commands below it. */
export function wordsOf(command: Command, path: readonly string[] = []): readonly Words[] {
  const options = command.createHelp().visibleOptions(command);
  return [
    {
      path,
      next: [
        ...command.commands.map((child) => ({ word: child.name(), does: child.description() })),
        ...options.map((option) => ({ word: option.long ?? `${option.short}`, does: option.description })),
      ],
    },
    ...command.commands.flatMap((child) => wordsOf(child, [...path, child.name()])),
  ];
}

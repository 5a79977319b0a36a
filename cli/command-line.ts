import type { Command } from 'commander';
import { commandLine } from './shell-words.ts';

/**
 * The line that runs a command again with the arguments and options that it was given, and others.
 *
 * @param also options to add, such as "--resume"
 * @param without options to leave out
 */
export function commandLineOf(command: Command, also: readonly string[] = [], without: readonly string[] = []): string {
  const options = command.options.flatMap((option) => {
    const name = option.attributeName();
    const flag = option.long ?? `${option.short}`;
    if (command.getOptionValueSource(name) !== 'cli' || [...also, ...without].includes(flag)) return [];
    const value: unknown = command.getOptionValue(name);
    if (typeof value === 'boolean') return [flag];
    return [flag, Array.isArray(value) ? value.join(',') : String(value)];
  });
  return commandLine(['npx', 'fedcardio', ...pathOf(command), ...command.args, ...options, ...also]);
}

/** Names of the groups of a command, and its own. */
function pathOf(command: Command): readonly string[] {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names;
}

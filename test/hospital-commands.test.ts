import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createCommands } from '../cli/commands.ts';

const FOLDER = 'docs/hospital';
const COMMANDS = await createCommands();

/** Every command that a page shows in a box. The German pages show the same, as test/hospital-pages.test.ts checks. */
const shown = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.md'))
  .flatMap((page) =>
    [...readFileSync(`${FOLDER}/${page}`, 'utf8').matchAll(/^ *npx fedcardio (.+)$/gm)].map(
      ([, words = '']) => [page, words] as const,
    ),
  );

/** The command of the words, and its arguments. */
function resolved(words: readonly string[]): {
  readonly command: Command | undefined;
  readonly rest: readonly string[];
} {
  let command = COMMANDS.find((one) => one.name() === words[0]);
  let depth = 1;
  for (; command; depth++) {
    const child = command.commands.find((one) => one.name() === words[depth]);
    if (!child) break;
    command = child;
  }
  return { command, rest: words.slice(depth) };
}

test.each(shown)('%s: "%s" is a command with these arguments and options', (_, words) => {
  // Double quotes keep words together.
  const { command, rest } = resolved(words.match(/"[^"]*"|\S+/g) ?? []);
  if (rest.includes('--help')) return expect(command).toBeDefined();

  const { operands = [], unknown = [] } = command?.exitOverride().parseOptions([...rest]) ?? {};

  expect(command?.commands).toEqual([]);
  expect(unknown).toEqual([]);
  const required = command?.registeredArguments.filter((argument) => argument.required).length ?? 0;
  const most = command?.registeredArguments.some(({ variadic }) => variadic)
    ? Number.POSITIVE_INFINITY
    : (command?.registeredArguments.length ?? 0);
  expect(operands.length).toBeGreaterThanOrEqual(required);
  expect(operands.length).toBeLessThanOrEqual(most);
});

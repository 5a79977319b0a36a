import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createCommands } from './commands.ts';

interface Named {
  readonly name: string;
  readonly command: Command;
}

const named = (command: Command, group = ''): readonly Named[] => {
  const name = `${group}${command.name()}`;
  return [{ name, command }, ...command.commands.flatMap((child) => named(child, `${name} `))];
};

const COMMANDS = await createCommands();
const ALL = COMMANDS.flatMap((command) => named(command));
const LEAVES = ALL.filter(({ command }) => command.commands.length === 0);
/** Commands whose output is a script. */
const WITHOUT_RESULT = ['completion'];

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** The lines that a person would copy, without the explanation two spaces behind. */
const examplesOf = (command: Command): readonly string[] =>
  [...helpOf(command).matchAll(/^ {2}((?:npx )?fedcardio .+)$/gm)].map(([, line = '']) => line.split(/ {2,}/)[0] ?? '');

/** The command that an example runs, and its words that are no command. */
function resolved(example: string): { readonly command: Command | undefined; readonly rest: readonly string[] } {
  const words = example.split(' ').slice(2);
  let command = COMMANDS.find((one) => one.name() === words[0]);
  let depth = 1;
  for (; ; depth++) {
    const child = command?.commands.find((one) => one.name() === words[depth]);
    if (!child) break;
    command = child;
  }
  return { command, rest: words.slice(depth) };
}

describe.each(ALL)('$name', ({ command }) => {
  test('says what it does, in a sentence', () => {
    expect(command.description()).toMatch(/^[A-Z].*\.$/s);
  });

  test('has examples that can be typed as they stand', () => {
    expect(helpOf(command)).toContain('\nExamples:\n');
    expect(examplesOf(command).length).toBeGreaterThan(0);
    for (const example of examplesOf(command)) {
      expect(example).toMatch(/^npx fedcardio /);
      const { command: found, rest } = resolved(example);
      const unknown = rest
        .filter((word) => word.startsWith('--'))
        .filter((word) => !found?.options.some(({ long }) => long === word.split('=')[0]));
      expect({ example, found: found !== undefined, unknown }).toEqual({ example, found: true, unknown: [] });
    }
  });
});

test.each(LEAVES.filter(({ name }) => !WITHOUT_RESULT.includes(name)))('$name has --json', ({ command }) => {
  expect(command.options.map(({ long }) => long)).toContain('--json');
});

import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { commandLineOf } from './command-line.ts';
import { quoted } from './shell-words.ts';

describe('commandLineOf', () => {
  function parsed(...args: string[]): Command {
    const demo = new Command('demo')
      .argument('[name]')
      .option('--quick')
      .option('--resume')
      .option('--out <dir>', '', 'demo-output')
      .option('--seeds <list>', '', (text) => text.split(','))
      .action(() => undefined);
    new Command('fedcardio').addCommand(demo).parse(args, { from: 'user' });
    return demo;
  }

  test('has the options that were given, quoted, and no defaults', () => {
    expect(commandLineOf(parsed('demo', '--quick', '--out', "Jena's results"), ['--resume'])).toBe(
      "npx fedcardio demo --quick --out 'Jena'\\''s results' --resume",
    );
    expect(commandLineOf(parsed('demo'))).toBe('npx fedcardio demo');
  });

  test('leaves out what is not to be repeated', () => {
    expect(commandLineOf(parsed('demo', '--quick', '--resume'), [], ['--quick'])).toBe('npx fedcardio demo --resume');
  });

  test('has arguments and lists, and adds no option twice', () => {
    expect(commandLineOf(parsed('demo', 'a b', '--resume', '--seeds', '1,2'), ['--resume'])).toBe(
      "npx fedcardio demo 'a b' --seeds 1,2 --resume",
    );
  });
});

test('quotes what a shell would interpret', () => {
  expect(['a/b-c.json', '', '$HOME', 'a&b', '*'].map(quoted)).toEqual(['a/b-c.json', "''", "'$HOME'", "'a&b'", "'*'"]);
});

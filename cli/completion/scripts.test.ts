import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { COMPLETIONS } from './scripts.ts';
import { wordsOf } from './words.ts';

const program = new Command('fedcardio')
  .addCommand(new Command('demo').description("Runs: a site's `demo` \\ $HOME").option('--quick', "it's short"))
  .addCommand(new Command('site').addCommand(new Command('rescan').option('--all', 'everything')));
const WORDS = wordsOf(program);

/** What bash offers after these words. */
function offered(...words: string[]): readonly string[] {
  const script = `${COMPLETIONS.bash(WORDS)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fedcardio; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', 'fedcardio', ...words], { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

describe.skipIf(process.platform === 'win32')('the script for bash', () => {
  test('offers commands, then what fits to the command', () => {
    expect(offered('')).toEqual(expect.arrayContaining(['demo', 'site', '--help']));
    expect(offered('de')).toEqual(['demo']);
    expect(offered('demo', '--q')).toEqual(['--quick']);
    expect(offered('site', 'r')).toEqual(['rescan']);
    expect(offered('site', 'rescan', '--')).toEqual(['--all', '--help']);
    expect(offered('demo', 'file')).toEqual([]);
  });
});

test.each(['zsh', 'fish'] as const)('the script for %s has every word, with quotes closed', (shell) => {
  const script = COMPLETIONS[shell](WORDS);

  for (const word of ['demo', 'quick', 'rescan', 'all']) expect(script).toContain(word);
  const unescaped = script.replace(shell === 'fish' ? /\\[\\']/g : /\\'/g, '');
  expect((unescaped.match(/'/g) ?? []).length % 2).toBe(0);
});

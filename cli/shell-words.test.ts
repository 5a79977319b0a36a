import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandLine } from './shell-words.ts';

test('leaves plain words as they are and quotes the others', () => {
  expect(commandLine(['npx', 'fedcardio', 'up', '--data', './my data'])).toBe("npx fedcardio up --data './my data'");
});

test('gives a shell exactly the words', () => {
  const word = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
      const echo = [process.execPath, '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--'];

      const shown = execFileSync('sh', ['-c', commandLine([...echo, ...words])], { encoding: 'utf8' });

      expect(JSON.parse(shown)).toEqual(words);
    }),
    { numRuns: 10, examples: [[["it's", '$HOME', '', '~', '*', 'a b', '"\\']]] },
  );
});

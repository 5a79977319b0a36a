import { expect, test } from 'vitest';
import { endSentence } from './error.ts';

test.each([
  ['Cannot list the stacks: timed out', 'Cannot list the stacks: timed out.'],
  ['Cannot list the stacks: Access denied.', 'Cannot list the stacks: Access denied.'],
  ['pip: no such package.\n', 'pip: no such package.'],
])('ends %j with one full stop', (text, sentence) => {
  expect(endSentence(text)).toBe(sentence);
});

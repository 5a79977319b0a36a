import { expect, test } from 'vitest';
import { table } from './table.ts';

test('aligns words to the left and numbers to the right', () => {
  expect(
    table(
      ['model', 'n', 'median'],
      [
        ['student', '120', '2.6 mm'],
        ['teacher', '8', '–'],
      ],
    ),
  ).toEqual(['model      n  median', '───────  ───  ──────', 'student  120  2.6 mm', 'teacher    8       –']);
});

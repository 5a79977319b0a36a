import { expect, test } from 'vitest';
import { openLines } from './lines.ts';

test('a file of lines holds each line once after its disk was full, with parts of lines that fitted', () => {
  let content = '{"cut off';
  let space = Number.POSITIVE_INFINITY;
  const lines = openLines('file', (_, text) => {
    content += text.slice(0, space);
    if (text.length > space) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  });

  lines.append('"first"');
  space = 4;
  lines.append('"second"');
  lines.append('"third"');
  space = Number.POSITIVE_INFINITY;
  lines.append('"fourth"');

  const complete = content.split('\n').filter((line) => /^".*"$/.test(line));
  expect(complete).toEqual(['"first"', '"second"', '"third"', '"fourth"']);
});

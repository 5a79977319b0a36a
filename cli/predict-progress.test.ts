import { expect, test } from 'vitest';
import { predictProgress } from './predict-progress.ts';

/** Two CTs of 40 and 2 windows, one second each. */
function shown(isTTY: boolean): string {
  let seconds = 0;
  const parts: string[] = [];
  const target = { isTTY, write: (part: string) => parts.push(part) };
  const progress = predictProgress(2, target, () => seconds);
  for (const [index, windows] of [40, 2].entries()) {
    progress.start(index, `p${index}.nii.gz`);
    for (let done = 1; done <= windows; done += 1) {
      seconds += 1;
      progress.window(done, windows);
    }
    progress.end();
  }
  return parts.join('');
}

test('off a terminal, CTs and their quarters are lines', () => {
  expect(shown(false)).toBe(
    [
      '1/2 p0.nii.gz',
      '1/2 p0.nii.gz: 10 of 40 windows, about 1:10 left',
      '1/2 p0.nii.gz: 20 of 40 windows, about 1:00 left',
      '1/2 p0.nii.gz: 30 of 40 windows, about 0:50 left',
      '2/2 p1.nii.gz',
      '2/2 p1.nii.gz: 1 of 2 windows, about 0:14 left',
      '',
    ].join('\n'),
  );
});

test('on a terminal, one line is rewritten for every window and removed at the end', () => {
  const lines = shown(true).split('\r\u001b[K');

  expect(lines).toContain('1/2 p0.nii.gz: 1 of 40 windows, about 1:19 left');
  expect(lines.at(-1)).toBe('');
  expect(lines.filter((line) => line.includes(' windows'))).toHaveLength(42);
  expect(lines.join('')).not.toContain('\n');
});

test('a file name does not control the terminal', () => {
  const parts: string[] = [];
  predictProgress(1, { write: (part) => parts.push(part) }, () => 0).start(0, 'p\u001b[2J.nii');

  expect(parts.join('')).not.toContain('\u001b');
});

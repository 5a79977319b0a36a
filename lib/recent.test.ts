import { expect, test } from 'vitest';
import { isFresh } from './protocol/gpu-tasks.ts';
import { isRecent } from './recent.ts';

const NOW = new Date('2026-03-02T08:00:00Z');
const after = (seconds: number) => new Date(NOW.getTime() + 1000 * seconds);

test.each([
  [-61, false],
  [-60, false],
  [-59, true],
  [0, true],
  [59, true],
  [60, false],
  [3600, false],
])('what was done %i s from now is recent within 60 s: %s', (seconds, expected) => {
  expect(isRecent(after(seconds), NOW, 60)).toBe(expected);
  expect(isFresh({ at: after(seconds).toISOString(), resent: false }, NOW)).toBe(expected);
});

test('nothing is recent within no time', () => {
  expect(isRecent(NOW, NOW, 0)).toBe(false);
});

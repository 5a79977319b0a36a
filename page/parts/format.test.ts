import { expect, test } from 'vitest';
import { createFormats } from './format.ts';

const english = createFormats('en-GB', 'Europe/Berlin');
const german = createFormats('de', 'Europe/Berlin');

test('times are in the zone of the viewer', () => {
  expect(english.instant('2026-03-02T08:05:00.000Z')).toBe('2 Mar 2026, 09:05');
  expect(german.instant('2026-07-02T08:05:00.000Z')).toBe('02.07.2026, 10:05');
});

test.each([
  [3_600_000, 'in 1 hour', 'in 1 Stunde'],
  [-90_000, '1 minute ago', 'vor 1 Minute'],
  [0, 'now', 'jetzt'],
  [-86_400_000, 'yesterday', 'gestern'],
])('%s ms from now is %s', (ms, en, de) => {
  const now = Date.parse('2026-03-02T08:00:00.000Z');
  const iso = new Date(now + ms).toISOString();

  expect([english.relative(iso, now), german.relative(iso, now)]).toEqual([en, de]);
});

test('sizes have the unit that keeps them short', () => {
  expect([0, 999, 1500, 2_340_000, 5e12].map((bytes) => english.bytes(bytes))).toEqual([
    '0 bytes',
    '999 bytes',
    '1.5 kB',
    '2.3 MB',
    '5 TB',
  ]);
});

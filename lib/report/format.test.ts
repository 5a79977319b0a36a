import { describe, expect, test } from 'vitest';
import { clock, counted, fixed, percent } from './format.ts';

describe('format', () => {
  test('shows a dash instead of a missing value', () => {
    expect([fixed(null, 1), fixed(undefined, 1), fixed(Number.NaN, 1), percent(null)]).toEqual(['–', '–', '–', '–']);
    expect([fixed(0, 1), percent(0)]).toEqual(['0.0', '0\u00a0%']);
  });

  test('writes durations as minutes and seconds, with hours if needed', () => {
    expect([clock(0), clock(7.4), clock(59.6), clock(187), clock(3765), clock(-3)]).toEqual([
      '0:00',
      '0:07',
      '1:00',
      '3:07',
      '1:02:45',
      '0:00',
    ]);
  });

  test('uses the singular and the plural', () => {
    expect([counted(1, 'file'), counted(0, 'file'), counted(2, 'series', 'series')]).toEqual([
      '1 file',
      '0 files',
      '2 series',
    ]);
  });
});

import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { futureDate } from './options.ts';

const NOW = new Date('2026-03-02T08:00:00Z');

test.each([
  ['2027-06-30', '2027-06-30T00:00:00.000Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['2027-06-30T12:00:00Z', '2027-06-30T12:00:00.000Z'],
  ['2027-06-30T12:00+02:00', '2027-06-30T10:00:00.000Z'],
])('takes the date %s', (text, iso) => {
  expect(futureDate(text, NOW)).toBe(iso);
});

test.each([
  ...['07.06.2027', '06/07/2027', '7 June 2027', '2027-6-7', '2027', '1', '', ' ', 'soon'],
  // No such day, or no such hour.
  ...['2027-02-29', '2027-02-30', '2027-04-31', '2027-13-01', '2027-06-30T25:00:00Z'],
  // In which zone?
  ...['2027-06-30T12:00:00', '2027-06-30 12:00'],
])('guesses no date from "%s"', (text) => {
  expect(() => futureDate(text, NOW)).toThrow(InvalidArgumentError);
  expect(() => futureDate(text, NOW)).toThrow('such as 2027-06-30');
});

test.each(['2026-03-01', '2026-03-02', '2026-03-02T08:00:00Z'])('refuses the end %s, which is over', (text) => {
  expect(() => futureDate(text, NOW)).toThrow('is over already');
});

import { InvalidArgumentError } from 'commander';

/** Parsers of option values. Commander prints what they throw with the option's name, as a usage error. */

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, 0 or greater.');
  return Number(text);
}

export function port(text: string): number {
  const value = wholeNumber(text);
  if (value > 65535) throw new InvalidArgumentError('Expected a port: 1 to 65535, or 0 for any free one.');
  return value;
}

export function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('Expected at least 1.');
  return value;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** A heart phase: a share of the RR interval. */
export function percent(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError('Expected a heart phase in per cent of the RR interval, 0 to 100, such as 75.');
}

/** The share of a window that the next one overlaps. */
export function overlap(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a share from 0 to below 1, such as 0.5.');
}

export function url(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:4566.');
  }
  return text;
}

/**
 * A moment to come: a day, which begins at midnight UTC, or a time with its zone.
 *
 * @returns ISO 8601 in UTC
 */
export function futureDate(text: string, now: Date): string {
  const [, day = ''] = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/.exec(text) ?? [];
  const time = new Date(text);
  // `Date` reads other notations by American customs, and 30 February as 2 March.
  if (Number.isNaN(time.getTime()) || !isDay(day)) {
    throw new InvalidArgumentError('Expected a day such as 2027-06-30, or a time such as 2027-06-30T12:00:00+02:00.');
  }
  const iso = time.toISOString();
  if (time <= now)
    throw new InvalidArgumentError(`Expected a day to come, such as 2027-06-30: ${iso} is over already.`);
  return iso;
}

function isDay(text: string): boolean {
  const midnight = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(text);
}

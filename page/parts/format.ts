import { useLanguage } from '../text/language.ts';

/** Numbers and times in the viewer's language and zone. */
export interface Formats {
  readonly number: (value: number, digits?: number) => string;
  /** With so many decimals. */
  readonly fixed: (value: number, decimals: number) => string;
  readonly percent: (share: number) => string;
  /** US dollars: what AWS bills in. */
  readonly usd: (value: number) => string;
  readonly bytes: (value: number) => string;
  /** Date and time to the minute. */
  readonly instant: (iso: string) => string;
  /** `in 3 minutes`, `2 hours ago`. */
  readonly relative: (iso: string, now: number) => string;
  readonly list: (items: readonly string[]) => string;
}

const formatsByLanguage = new Map<string, Formats>();

/** Formats are kept: making an Intl object for each cell of a table takes long. */
export function useFormats(): Formats {
  const language = useLanguage();
  const known = formatsByLanguage.get(language) ?? createFormats(regionalOf(language));
  formatsByLanguage.set(language, known);
  return known;
}

/** The language as the viewer's region writes dates and numbers, if the browser names one: `en-GB`. */
const regionalOf = (language: string): string =>
  navigator.languages.find((tag) => tag.startsWith(`${language}-`)) ?? language;

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const SPANS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** @param zone of the viewer unless a test sets it */
export function createFormats(language: string, zone?: string): Formats {
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  const usd = new Intl.NumberFormat(language, { style: 'currency', currency: 'USD' });
  const instant = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const list = new Intl.ListFormat(language, { type: 'conjunction' });
  const units = UNITS.map(
    (unit) =>
      new Intl.NumberFormat(language, {
        ...{ style: 'unit', unit, maximumFractionDigits: 1 },
        // The short form of "bytes" has no plural.
        unitDisplay: unit === 'byte' ? 'long' : 'short',
      }),
  );
  return {
    number: (value, digits = 3) => value.toLocaleString(language, { maximumSignificantDigits: digits }),
    fixed: (value, decimals) =>
      value.toLocaleString(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }),
    percent: percent.format,
    usd: usd.format,
    bytes: (value) => {
      const power = value < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
      return (units[power] as Intl.NumberFormat).format(value / 1000 ** power);
    },
    instant: (iso) => instant.format(new Date(iso)),
    relative: (iso, now) => {
      const seconds = (Date.parse(iso) - now) / 1000;
      const [unit, size] = SPANS.find(([, span]) => Math.abs(seconds) >= span) ?? SPANS[3];
      return relative.format(Math.trunc(seconds / size), unit);
    },
    list: (items) => list.format(items),
  };
}

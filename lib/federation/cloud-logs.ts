import { sha256Hex } from '../json.ts';

/**
 * Keeps the names of cases out of logs that leave the site's bucket. A bucket is read by its own roles only; a log in the
 * cloud, and every copy of it, by more people.
 */

type Fields = Readonly<Record<string, unknown>>;

/**
 * How a log in the cloud refers to a case: `case-` and the first 8 digits of the SHA-256 of its name, with which the
 * hospital finds it. Whoever guesses the name can confirm it.
 */
export const caseReference = (name: string): string => `case-${sha256Hex(name).slice(0, 8)}`;

/** Fields of log lines that hold the name of a case, or a key. */
const NAMES: readonly string[] = ['case', 'training', 'heldOut'];
/** Fields that describe the files of a case. Their number is logged; the site's bucket has them. */
const LISTS: readonly string[] = ['faults'];

/** Folders of a site bucket whose keys contain names of cases. */
const FOLDERS = 'cases|held-out|catalog|rejected|pseudo-labels|predictions';
/** A name, which may have spaces, but is not followed by another key. */
const NAME = `(?:(?![ ](?:${FOLDERS})/)[^/\\n"]){1,255}`;
const ROUND = '(?:[\\w.-]+/){2,5}';

/** Names of cases in the keys of a site bucket: where the key goes on, and where it ends. */
const KEYS = [
  new RegExp(`(?<=\\b(?:cases|held-out)/)${NAME}(?=/)`, 'g'),
  /(?<=\b(?:cases|held-out)\/)(?!case-[0-9a-f]{8}\b)[^/\s"]+(?!\/)/g,
  new RegExp(`(?<=\\b(?:catalog|rejected)/)(?!strays/)${NAME}?(?=\\.json)`, 'g'),
  new RegExp(`(?<=\\bpseudo-labels/${ROUND})${NAME}?(?=\\.(?:nii|json|safetensors))`, 'g'),
  new RegExp(`(?<=\\bpredictions/${ROUND})${NAME}(?=/[^/\\s"]+\\.nii)`, 'g'),
] as const;

/** A text with references in place of the names of cases in keys. */
export const withoutCases = (text: string): string =>
  KEYS.reduce((rest, pattern) => rest.replace(pattern, (name) => caseReference(name)), text);

/** A log line's fields without the names of cases. */
export const withoutCasesIn = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, cleaned(name, value)]));

function cleaned(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return LISTS.includes(name) ? value.length : value.map((item) => cleaned(name, item));
  if (typeof value === 'object' && value !== null) return withoutCasesIn(value as Fields);
  if (typeof value !== 'string') return value;
  return NAMES.includes(name) && !value.includes('/') ? caseReference(value) : withoutCases(value);
}

/** An error that Lambda, the log and a notice may show: without the names of cases, and without its causes. */
export function withoutCasesInError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(withoutCases(String(error)));
  const clean = new Error(withoutCases(error.message));
  clean.name = error.name;
  clean.stack = withoutCases(error.stack ?? '');
  return clean;
}

import { sha256Hex } from '../json.ts';
import { GIVEN_NAMES } from './given-names.ts';

/**
 * Tells pseudonyms from what identifies a patient: names, dates of birth, numbers of a hospital. Cases get their names from
 * people and from exports, so that these heuristics are the last guard before a name becomes a part of keys and logs.
 */

/** What is wrong with a name. The words do not repeat it. */
export interface NameFinding {
  /** A `fault` is refused. A `warning` may be an ordinary pseudonym; a person decides. */
  readonly level: 'fault' | 'warning';
  /** Completes "The case's name …". */
  readonly what: string;
}

/** Case names become parts of keys and file names. */
const CASE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Words of studies, anatomy and files, which are no names of people. */
const VOCABULARY = new Set(
  `
  abdomen anatomy annulus anon anonymous anonymized aorta aortic arrest arterial artery atrium baseline batch body calcium
  calcification cardiac cardio case cases cath center centre chest cohort contrast control coronary coronaries cta data dataset
  diastole diastolic dicom disease diseased dose ed end es export file files fold folder follow followup ground group healthy heart held hinge hospital
  image images img label labels left level low lumen lung mask masks mitral model mri native nifti non normal out pat patient
  patients phase points post pre pseudo pulmonary random recon right root sample scan scanner scans sect segmentation septum
  serie series session set site slice soft split spect study sub subj subject subjects syst systole systolic task tavi tavr
  test testing thorax thin thick train training truth unknown val valid validation valve ventricle vessel visit volume whole
  `
    .trim()
    .split(/\s+/),
);

const PERSON = "looks like a person's name";
const BIRTH = 'contains a date, such as one of birth';
const NUMBER = 'contains a number of 7 digits or more, as hospitals give to patients';
const UID = 'contains a DICOM UID, which leads back to the patient';
/** What programs make up: UUIDs, hashes, pseudonyms of `site import`, names that were withheld. Their digits mean nothing. */
const GENERATED =
  /(?<![\p{L}\p{N}])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|p(?=[\d-]*[a-f])[0-9a-f]{12}-[0-9a-f]{8}|withheld-[0-9a-f]{8}|(?=\d*[a-f])[0-9a-f]{10,})(?![\p{L}\p{N}])/giu;
const withoutGenerated = (text: string): string => text.replace(GENERATED, '0');
/** Years of birth of patients, and later ones, which are probably of a scan. */
const BIRTH_YEARS = { first: 1900, last: 2012 } as const;
const LAST_YEAR = 2100;

/** What makes a name of a case, or of a file without its ending, look like a patient's. Undefined for a pseudonym. */
export function identifyingPart(name: string): NameFinding | undefined {
  const text = withoutGenerated(name.normalize('NFKC'));
  if (/\p{L}[\^,]|[\^,]\s*\p{L}/u.test(text)) return fault(PERSON);
  const date = dateIn(text);
  if (date === 'birth') return fault(BIRTH);
  return personIn(text) ?? numberIn(text, date !== undefined);
}

/** {@link identifyingPart} for the name of a case, which must also be made of the allowed characters. */
export function caseNameFinding(name: string): NameFinding | undefined {
  const found = identifyingPart(name);
  if (found?.level === 'fault' || CASE_ID.test(name)) return found;
  if (name.length > 100) return fault('has more than 100 characters');
  return fault('has characters that are not allowed: others than a-z, A-Z, 0-9, dots, hyphens, underscores');
}

/** Names of cases that `site import` makes: the patient's pseudonym, and that of the series. */
const IMPORTED = /^(p[0-9a-f]{12})-[0-9a-f]{8}$/;

/** Whose a case is. Only names that `site import` makes tell that two cases are of one patient; any other is a patient of its own. */
export const patientOf = (caseId: string): string => IMPORTED.exec(caseId)?.[1] ?? caseId;

/** Whether intake refuses the name of a case. */
export const isRefusedName = (name: string): boolean => caseNameFinding(name)?.level === 'fault';

/**
 * The name of a case as it may appear in keys of documents, rejections and logs: itself, or `withheld-` and a part of its
 * hash if it may be a patient's. The hash leads to the folder only for someone who sees the folder.
 */
export const shownName = (name: string): string => (name !== '' && isRefusedName(name) ? withheld(name) : name);

/** A key below `cases/` or `held-out/` as it may appear in rejections and logs. */
export function shownKey(key: string): string {
  const [folder = '', ...names] = key.split('/');
  if (names.length === 0) return shownFile(folder);
  const [first = '', ...rest] = names;
  return [folder, rest.length > 0 ? shownName(first) : shownFile(first), ...rest.map(shownFile)].join('/');
}

/** The name of a file, without what looks like a patient's name. Its ending stays. */
export function shownFile(name: string): string {
  const stem = stemOf(name);
  return identifyingPart(stem)?.level === 'fault' ? `${withheld(stem)}${name.slice(stem.length)}` : name;
}

const withheld = (name: string): string => `withheld-${sha256Hex(name).slice(0, 8)}`;
const fault = (what: string): NameFinding => ({ level: 'fault', what });
const warning = (what: string): NameFinding => ({ level: 'warning', what });

/** A file's name without its ending of letters, such as `.nii.gz` or `.mrk.json`. */
const stemOf = (name: string): string => name.replace(/(?:\.(?=[a-z]*\d?$|[a-z]+\.)[A-Za-z0-9]{1,5}){1,2}$/i, '');

/** A person's name among the words of a text. */
function personIn(text: string): NameFinding | undefined {
  const parts = text.split(/[^\p{L}\p{M}\p{N}]+/u).filter((part) => part !== '');
  const words = parts.flatMap(wordsOf).filter((word) => word.length >= 2 && !VOCABULARY.has(plain(word)));
  const given = words.filter((word) => GIVEN_NAMES.has(plain(word)));
  if (given.length > 0 && words.length >= 2) return fault(PERSON);
  if (given.some(({ length }) => length > 3)) return warning(PERSON);
  const letters = parts.filter((part) => /^\p{L}{3,}$/u.test(part));
  if (letters.length < 2 || letters.some((part) => wordsOf(part).some((word) => VOCABULARY.has(plain(word))))) return;
  const looksNamed = letters.every((part) => /[aeiouy]/.test(plain(part)));
  const isCapitalised = letters.every((part) => /^\p{Lu}\p{Ll}+(?:\p{Lu}\p{Ll}+)?$/u.test(part));
  if (!looksNamed) return undefined;
  if (letters.length === parts.length && letters.length <= 3) {
    const isUpper = letters.every((part) => part === part.toUpperCase());
    return isCapitalised || isUpper ? fault(PERSON) : warning(PERSON);
  }
  return isCapitalised ? warning(PERSON) : undefined;
}

/** The words of a part: runs of letters, divided where capitals begin. */
const wordsOf = (part: string): readonly string[] => part.match(/\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+/gu) ?? [];

/** Lower case, with the letters of other alphabets' names written plainly: `Jürgen` and `Juergen` are in the list. */
const plain = (word: string): string =>
  word.toLowerCase().replaceAll('ß', 'ss').normalize('NFD').replace(/\p{M}/gu, '');

/** Whether a text contains a date: a year with month and day, in any of the usual orders. */
function dateIn(text: string): 'birth' | 'other' | undefined {
  const parts = text.split(/[_\s]+/);
  const years = parts.flatMap((part) => [
    ...[...part.matchAll(/(?<!\d)(\d{4})([-.]?)(\d{2})\2(\d{2})(?!\d)/g)].map(([, y, , m, d]) => yearOf(y, m, d)),
    ...[...part.matchAll(/(?<!\d)(\d{1,2})([-.]?)(\d{1,2})\2(\d{4})(?!\d)/g)].map(
      ([, d, , m, y]) => yearOf(y, m, d) ?? yearOf(y, d, m),
    ),
  ]);
  const found = years.filter((year) => year !== undefined);
  if (found.length === 0) return undefined;
  return found.some((year) => year <= BIRTH_YEARS.last) ? 'birth' : 'other';
}

function yearOf(y = '', m = '', d = ''): number | undefined {
  const [year, month, day] = [Number(y), Number(m), Number(d)];
  if (year < BIRTH_YEARS.first || year > LAST_YEAR || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? year : undefined;
}

/** A number that may lead back to the patient. */
function numberIn(text: string, isDate: boolean): NameFinding | undefined {
  if (/(?<!\d)\d+(?:\.\d+){4,}/.test(text)) return warning(UID);
  if (isDate) return warning('contains a date, such as one of the scan');
  return /(?<![\p{L}\d])\d{7,}(?![\p{L}\d])/u.test(text) ? warning(NUMBER) : undefined;
}

/**
 * Whether a text of a file's header names a person or a date of birth. Stricter than {@link identifyingPart}, since programs
 * write their own names there.
 */
export function textNamesPerson(text: string): boolean {
  if (/\p{L}\^|\b(?:patient|pat|name|born|birth|dob)\w*\s*[=:]\s*\S/iu.test(text)) return true;
  const words = text.match(/\p{Lu}\p{L}+/gu) ?? [];
  return (
    (words.length >= 2 && words.some((word) => GIVEN_NAMES.has(plain(word)))) ||
    dateIn(withoutGenerated(text)) === 'birth'
  );
}

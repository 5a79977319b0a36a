import { type ErrorCode, FedcardioError, isFedcardioError } from '../error.ts';
import { isRefusedName, shownKey } from '../federation/case-names.ts';
import { parseCaseKey, type SiteKey } from '../federation/keys.ts';
import type { Rejected } from '../federation/schemas.ts';
import { type Unreadable, unreadableOf } from '../storage/unreadable.ts';

/** A problem of one uploaded object, described for the uploader. */
export type Fault = Rejected['objects'][number];

/** Whether an error is a problem of the uploaded object. Other errors (storage, bugs) must not reject the object. */
const isFault = (error: unknown): error is FedcardioError =>
  isFedcardioError(error, 'BAD_IMAGE') || isFedcardioError(error, 'BAD_LABEL') || isFedcardioError(error, 'BAD_KEY');

/** Reasons and hints for objects that the storage hands out to nobody. Without `denied`, which a right of intake may cure. */
const UNREADABLE: Readonly<Partial<Record<Unreadable['kind'], readonly [reason: string, hint: string]>>> = {
  archived: ['The storage has archived it, so that nobody can read it.', 'Upload it with the standard storage class.'],
  'customer-key': ['It is encrypted with a key that only its uploader has.', 'Upload it without a key of your own.'],
};

/**
 * The problem of an uploaded object that an error tells of; undefined for any other error.
 *
 * @param code of an object that the storage hands out to nobody
 */
export function problemOf(error: unknown, code: ErrorCode): FedcardioError | undefined {
  if (isFault(error)) return error;
  const unreadable = unreadableOf(error);
  const [reason, hint] = (unreadable && UNREADABLE[unreadable.kind]) ?? [];
  return reason === undefined ? undefined : new FedcardioError(code, reason, { hint, cause: error });
}

/** The fault of an object. Its key is told without what may be a patient's name. */
export const faultOf = (key: SiteKey, error: FedcardioError, code: ErrorCode = error.code): Fault => ({
  key: shownKey(key) as SiteKey,
  code,
  reason: error.message,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
});

export const fault = (key: SiteKey, code: 'BAD_IMAGE' | 'BAD_LABEL' | 'BAD_KEY', reason: string, hint: string): Fault =>
  faultOf(key, new FedcardioError(code, reason, { hint }));

/** Most faults of a case: intake writes and logs all of them again with every batch of events. */
const MOST_FAULTS = 50;

export const byKey = (a: { readonly key: string }, b: { readonly key: string }): number => (a.key < b.key ? -1 : 1);

/** The faults of a case in the order of their keys, of which the last one stands for those that are too many. */
export function boundedFaults(faults: readonly Fault[]): readonly Fault[] {
  if (faults.length <= MOST_FAULTS) return faults;
  const sorted = faults.toSorted(byKey);
  const [first, ...others] = sorted.slice(MOST_FAULTS - 1);
  const { reason, ...last } = first as Fault;
  return [
    ...sorted.slice(0, MOST_FAULTS - 1),
    { ...last, reason: `This file and ${others.length} more of the case have faults, of this one: ${reason}` },
  ];
}

/**
 * The fault of an object of a case. One fault may stand for several objects: for all of a format, for a whole case under a
 * patient's name, for those beyond the {@link boundedFaults}.
 *
 * @param faults all of the case
 */
export function faultOfObject(key: SiteKey, faults: readonly Fault[]): Fault | undefined {
  const shown = shownKey(key);
  const own = faults.find((one) => one.key === shown);
  const parsed = parseCaseKey(key);
  if (own || !parsed) return own;
  if (parsed.part.kind === 'unknown' || isRefusedName(parsed.caseId)) return faults[0];
  return faults.length >= MOST_FAULTS ? faults.at(-1) : undefined;
}

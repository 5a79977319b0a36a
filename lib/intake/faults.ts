import { type ErrorCode, FedcardioError, isFedcardioError } from '../error.ts';
import { shownKey } from '../federation/case-names.ts';
import type { SiteKey } from '../federation/keys.ts';
import type { Rejected } from '../federation/schemas.ts';

/** A problem of one uploaded object, described for the uploader. */
export type Fault = Rejected['objects'][number];

/** Whether an error is a problem of the uploaded object. Other errors (storage, bugs) must not reject the object. */
export const isFault = (error: unknown): error is FedcardioError =>
  isFedcardioError(error, 'BAD_IMAGE') || isFedcardioError(error, 'BAD_LABEL') || isFedcardioError(error, 'BAD_KEY');

/** The fault of an object. Its key is told without what may be a patient's name. */
export const faultOf = (key: SiteKey, error: FedcardioError, code: ErrorCode = error.code): Fault => ({
  key: shownKey(key) as SiteKey,
  code,
  reason: error.message,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
});

export const fault = (key: SiteKey, code: 'BAD_IMAGE' | 'BAD_LABEL' | 'BAD_KEY', reason: string, hint: string): Fault =>
  faultOf(key, new FedcardioError(code, reason, { hint }));

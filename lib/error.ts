import { systemProblem } from './error/system-problem.ts';

/**
 * Stable codes of all errors that fedcardio raises. Programs branch on these, never on messages. `STORAGE` is a storage
 * that answers and refuses; `STORAGE_UNAVAILABLE` and `STORAGE_FULL` are outages, see {@link isOutage}.
 */
export type ErrorCode =
  | 'BAD_CONFIGURATION'
  | 'BAD_MESSAGE'
  | 'NEWER_SCHEMA'
  | 'BAD_KEY'
  | 'BAD_IMAGE'
  | 'BAD_LABEL'
  | 'BAD_WEIGHTS'
  | 'BAD_UPDATE'
  | 'NOT_FOUND'
  | 'PRECONDITION_FAILED'
  | 'STORAGE'
  | 'STORAGE_UNAVAILABLE'
  | 'STORAGE_FULL'
  | 'NO_BACKEND'
  | 'TRAINING_DIVERGED'
  | 'NO_DATA'
  | 'NO_CONSENT'
  | 'BUDGET_EXCEEDED'
  | 'INTERRUPTED'
  | 'CAMPAIGN_FAILED';

/**
 * The one error family. `message` says what was wrong and where, `hint` what to do next.
 *
 * @example
 * throw new FedcardioError('BAD_IMAGE', 'cases/p7/image.nii.gz is 2D (512×512).', { hint: 'Upload the whole series as
 * one volume.' });
 */
export class FedcardioError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly hint?: string | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FedcardioError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** Compares the name, not the class: a bundle contains its own copy of the class. */
export const isFedcardioError = (error: unknown, code?: ErrorCode): error is FedcardioError =>
  error instanceof Error &&
  error.name === 'FedcardioError' &&
  (code === undefined || (error as FedcardioError).code === code);

/** Whether a document is broken, or only a newer release can read it: a fault of this document alone. */
export const isOfDocument = (error: unknown): error is FedcardioError =>
  isFedcardioError(error, 'BAD_MESSAGE') || isFedcardioError(error, 'NEWER_SCHEMA');

/**
 * An error of the operating system as one of ours; undefined for any other error.
 *
 * @param path the file, for errors that do not name it
 */
export function systemError(error: unknown, path?: string): FedcardioError | undefined {
  if (isFedcardioError(error)) return undefined;
  const problem = systemProblem(error, path);
  return problem && new FedcardioError(problem.code, problem.message, { cause: error, hint: problem.hint });
}

/** The stable code of any error, for logs. */
export const errorCode = (error: unknown): ErrorCode | 'UNEXPECTED' =>
  isFedcardioError(error) ? error.code : (systemProblem(error)?.code ?? 'UNEXPECTED');

/**
 * Whether the storage is away or full. This is no fault of the work that met it: wait and try again, with the same result
 * as without the outage (lib/storage/outages.ts).
 */
export const isOutage = (error: unknown): boolean => OUTAGES.includes(errorCode(error));

const OUTAGES: readonly string[] = ['STORAGE_UNAVAILABLE', 'STORAGE_FULL'];

/** A text with exactly one full stop at its end. For messages that end in the text of another error. */
export function endSentence(text: string): string {
  // No regular expression: `\s*$` takes quadratic time for a text with many spaces, which a site can send.
  const trimmed = text.trimEnd();
  return ENDS.includes(trimmed.at(-1) ?? '') ? trimmed : `${trimmed}.`;
}

const ENDS: readonly string[] = ['.', '!', '?', '…'];

/** One line for users: the message, and the hint if there is one. */
export function describeError(error: unknown): string {
  const known = isFedcardioError(error) ? error : systemProblem(error);
  if (known) return known.hint ? `${endSentence(known.message)} ${known.hint}` : known.message;
  return error instanceof Error ? error.message || error.name : String(error);
}

/**
 * Like {@link describeError}, for an error that is reported elsewhere than where it occurred.
 *
 * @param reader what has to be upgraded if it is too old for what it read: "the deployment of site berlin"
 */
export const describeErrorOf = (reader: string, error: unknown): string =>
  isFedcardioError(error, 'NEWER_SCHEMA') ? `${error.message} Upgrade ${reader}.` : describeError(error);

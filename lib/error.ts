/** Stable codes of all errors that fedcardio raises. Programs branch on these, never on messages. */
export type ErrorCode =
  | 'BAD_CONFIGURATION'
  | 'BAD_MESSAGE'
  | 'BAD_KEY'
  | 'BAD_IMAGE'
  | 'BAD_LABEL'
  | 'BAD_WEIGHTS'
  | 'BAD_UPDATE'
  | 'NOT_FOUND'
  | 'PRECONDITION_FAILED'
  | 'STORAGE'
  | 'NO_BACKEND'
  | 'TRAINING_DIVERGED'
  | 'NO_DATA'
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

/** A text with exactly one full stop at its end. For messages that end in the text of another error. */
export function endSentence(text: string): string {
  // No regular expression: `\s*$` takes quadratic time for a text with many spaces, which a site can send.
  const trimmed = text.trimEnd();
  return trimmed.endsWith('.') ? trimmed : `${trimmed}.`;
}

/** One line for users: the message, and the hint if there is one. */
export function describeError(error: unknown): string {
  if (isFedcardioError(error)) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}

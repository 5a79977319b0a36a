import { type ErrorCode, errorCode, isFedcardioError, systemError } from '../../../lib/error.ts';
import { printable, printableLines } from '../../../lib/printable.ts';
import { unreadableOf } from '../../../lib/storage/unreadable.ts';
import type { ApiErrorBody } from '../../../page/api/error.ts';

/** A request that the API itself refuses. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  NOT_FOUND: 404,
  PRECONDITION_FAILED: 409,
  CAMPAIGN_FAILED: 409,
  BAD_CONFIGURATION: 422,
  BAD_MESSAGE: 422,
  BAD_KEY: 422,
  BAD_IMAGE: 422,
  BAD_LABEL: 422,
  NEWER_SCHEMA: 422,
  STORAGE_UNAVAILABLE: 503,
  STORAGE_FULL: 507,
};

/** The answer to a request that failed. What is unexpected is reported by the caller, and not told to the page. */
export function failureOf(thrown: unknown): { readonly status: number; readonly body: ApiErrorBody } {
  if (thrown instanceof Refusal) return answer(thrown.status, thrown.code, thrown.message, thrown.hint);
  const error = systemError(thrown) ?? thrown;
  if (!isFedcardioError(error)) {
    return answer(500, 'UNEXPECTED', 'The server of the page failed.', 'Look at the terminal that serves the page.');
  }
  if (unreadableOf(error)?.kind === 'denied') {
    return answer(403, 'FORBIDDEN', error.message, error.hint ?? 'Ask whoever manages your access for this right.');
  }
  return answer(STATUS[error.code] ?? 500, error.code, error.message, error.hint);
}

/** Whether an error is a fault of the program, which its developers must see. */
export const isUnexpected = (error: unknown): boolean =>
  !(error instanceof Refusal) && errorCode(error) === 'UNEXPECTED';

const answer = (status: number, code: string, message: string, hint?: string) => ({
  status,
  body: { error: { code, message: printableLines(message), ...(hint !== undefined && { hint: printable(hint) }) } },
});

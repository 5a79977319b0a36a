import { describeError, isFedcardioError } from '../../lib/error.ts';

/** Why nothing can be estimated, such as a GPU without a price. Other errors are thrown on. */
export function noCostReason(error: unknown): string {
  if (!isFedcardioError(error, 'BAD_CONFIGURATION')) throw error;
  return describeError(error);
}

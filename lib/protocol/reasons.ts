import { endSentence } from '../error.ts';

/** Joins reasons with semicolons and ends them with one full stop. Reasons that are errors have their own full stops. */
export const listReasons = (reasons: readonly string[]): string =>
  endSentence(reasons.map((reason) => reason.replace(/\.$/, '')).join('; '));

/** Most characters of a reason that a site's own text can be part of. It goes into refusals, seals and outcomes. */
const REASON_LENGTH = 1000;

export const boundedReason = (reason: string): string =>
  reason.length > REASON_LENGTH ? `${reason.slice(0, REASON_LENGTH)}…` : reason;

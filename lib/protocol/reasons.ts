import { endSentence } from '../error.ts';

/** Joins reasons with semicolons and ends them with one full stop. Reasons that are errors have their own full stops. */
export const listReasons = (reasons: readonly string[]): string =>
  endSentence(reasons.map((reason) => reason.replace(/\.$/, '')).join('; '));

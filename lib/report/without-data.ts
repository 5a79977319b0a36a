import type { ErrorCode } from '../error.ts';

const NO_DATA: ErrorCode = 'NO_DATA';

/**
 * Whether a site's answer says that it had nothing to learn from, as a site without labels of which no pseudo-label passed
 * the checks. That is no failure: the round merges the others.
 */
export const isWithoutData = ({ reason }: { readonly reason: string }): boolean => reason.startsWith(`${NO_DATA}: `);

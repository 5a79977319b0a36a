import type { ErrorCode } from '../error.ts';

const NO_DATA: ErrorCode = 'NO_DATA';

/**
 * Whether a site's answer says that it had nothing to learn from, as a site without labels of which no pseudo-label passed
 * the checks. That is no failure: the round merges the others.
 */
export const isWithoutData = ({ reason }: { readonly reason: string }): boolean => reason.startsWith(`${NO_DATA}: `);

/** Why a round lacks a site, in words. The code `NO_DATA` in front of a reason says the same as the heading "no data". */
export const exclusionReason = ({ why, reason }: { readonly why: string; readonly reason: string }): string =>
  why === 'no data' && isWithoutData({ reason }) ? reason.slice(NO_DATA.length + 2) : reason;

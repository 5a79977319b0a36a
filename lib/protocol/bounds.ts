/** Bounds on what a site writes into the federation bucket. */

/**
 * Longest document of a site, bytes. An update with the scores of a thousand held-out cases has about 100 kB. Longer ones
 * are refused unread.
 */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;

/**
 * Most answers of one site to one round that count, the first by key order. Retries leave one or two; a site that floods
 * its prefix costs the others no more than these.
 */
export const MAX_ANSWERS = 8;

/**
 * Most keys of one site that are listed for one round: one page of S3. A retry leaves three; what a site puts before its own
 * update hides that update alone.
 */
export const MAX_ANSWER_KEYS = 1000;

/** Most cases that a site may claim. Sums over sites then stay exact integers. */
export const MAX_SAMPLES = 1e9;

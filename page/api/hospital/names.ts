/** Names that schemas and screens share. Without schemas, so that the page does not load a validator. */

/** `unread`: intake's documents about the case have not been read yet. */
export const VERDICTS = ['accepted', 'partly accepted', 'rejected', 'waiting', 'pending', 'unread'] as const;
export type Verdict = (typeof VERDICTS)[number];

/**
 * What a label is good for. `teaches`: models learn from it. `incomplete`: landmarks that lack a point teach nothing.
 * `scored`: of a held-out case.
 */
export const LABEL_STATES = ['teaches', 'incomplete', 'scored', 'rejected', 'waiting', 'pending'] as const;
export type LabelState = (typeof LABEL_STATES)[number];

/** What a case is for. */
export const USES = ['training', 'evaluation'] as const;
export type Use = (typeof USES)[number];

/** What an answer of a site holds. `machine`: seconds, memory, backend. */
export const CONTENTS = [
  'weights',
  'figures',
  'validation',
  'scores',
  'comparisons',
  'volumes',
  'machine',
  'failure',
  'counts',
] as const;
export type Content = (typeof CONTENTS)[number];

/** `asked`: nobody has answered yet; `ended`: agreed until a time that is over. */
export const CONSENT_STATES = ['asked', 'agreed', 'declined', 'withdrawn', 'ended'] as const;
/** What a person may decide. */
export const DECISIONS = ['agreed', 'declined', 'withdrawn'] as const;
/** Which scores may leave. */
export const SCORE_LIMITS = ['cases', 'aggregates', 'none'] as const;
/** Who answered, if the site's policy did. */
export const BY_POLICY = 'policy';
/** Longest name of a person who decides, and longest reason. */
export const DECIDER_LENGTH = 200;
export const DECISION_REASON_LENGTH = 500;
/** The largest number of cases that a site may demand behind a figure. */
export const MOST_MINIMUM_CASES = 1000;

/** Kinds of objects that a site sends. */
export const SENT_KINDS = ['weights', 'answer', 'failure', 'keys', 'consent', 'withdrawal', 'counts', 'other'] as const;

export const READINESS_GROUPS = ['machine', 'connection', 'federation'] as const;

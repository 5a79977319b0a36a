/** A condition of Batch's retry strategy. All of its patterns must match the end of the attempt. */
export interface RetryCondition {
  readonly action: 'RETRY' | 'EXIT';
  readonly onExitCode?: string;
  readonly onReason?: string;
  readonly onStatusReason?: string;
}

/** How an attempt of a job ended, in Batch's terms. */
export interface AttemptEnd {
  readonly exitCode?: number;
  /** Of the container, such as an error of pulling its image. */
  readonly reason?: string;
  /** Of the attempt. */
  readonly statusReason: string;
}

/**
 * Whether Batch retries a failed attempt: the first condition that matches decides, and without one the job is retried
 * (AWS Batch API reference, EvaluateOnExit). An absent reason matches `*` only.
 */
export function isRetried(conditions: readonly RetryCondition[], end: AttemptEnd): boolean {
  const match = conditions.find(
    ({ onExitCode, onReason, onStatusReason }) =>
      isLike(onExitCode, end.exitCode === undefined ? '' : String(end.exitCode)) &&
      isLike(onReason, end.reason ?? '') &&
      isLike(onStatusReason, end.statusReason),
  );
  return match?.action !== 'EXIT';
}

/** Batch's globs may end in one asterisk. */
const isLike = (pattern: string | undefined, text: string): boolean =>
  pattern === undefined || (pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern);

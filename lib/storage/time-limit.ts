/** AWS Batch accepts no shorter time limit. */
const LEAST_SECONDS = 60;

/** The time limit of an attempt of a job as AWS Batch has it: whole seconds, at least a minute. */
export const attemptSeconds = (seconds: number): number => Math.max(LEAST_SECONDS, Math.ceil(seconds));

/** Seconds until a deadline; negative after it. */
export const secondsUntil = (deadline: Date, now: Date): number => (deadline.getTime() - now.getTime()) / 1000;

/** Exit codes of GPU tasks and merges, on which AWS Batch and the process launcher decide. 0: finished or not due. */
export const EXIT = {
  /** A retry may help. */
  retry: 1,
  /** The message is invalid. */
  badMessage: 2,
  /** The storage was away or full for too long: no answer of the task. EX_TEMPFAIL of sysexits.h. */
  outage: 75,
  /** Told to stop, with a checkpoint if there was one to write: 128 + SIGTERM, as shells report it. */
  interrupted: 143,
} as const;

/** Batch's reason if the host of a job was lost, for example because spot capacity was reclaimed. */
const HOST_LOST = 'Host EC2';

/**
 * Whether a job ended for no reason of its own: the storage was away or full, or its host was lost. This is no answer of
 * the job's task, which is started again.
 *
 * @param ends exit code and Batch's reason of the job and of its last attempt
 */
export const isLost = (...ends: readonly JobEnd[]): boolean =>
  ends.some(({ exitCode, reason }) => exitCode === EXIT.outage || reason?.startsWith(HOST_LOST));

export interface JobEnd {
  readonly exitCode?: number | undefined;
  readonly reason?: string | undefined;
}

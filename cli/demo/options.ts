import type { Profile } from './scenario.ts';

export interface DemoOptions {
  /** Undefined: what the resumed demo has, `full` and 1 for a fresh one. */
  readonly profile: Profile | undefined;
  readonly seed: number | undefined;
  /** Folder for report, weights and predictions. */
  readonly out: string;
  /** Folder for buckets, queues and the demo's own notes. */
  readonly data: string;
  readonly resume: boolean;
  /** The command that goes on with an interrupted run. */
  readonly resumeWith: string;
  readonly keep: boolean;
  /** GPU tasks at the same time. */
  readonly tasks: number;
  /** Of S3 and SQS; undefined: the embedded server is started. */
  readonly endpoint: string | undefined;
  /** Of the embedded server. 0: any free one. */
  readonly port: number;
  readonly json: boolean;
  /** Ends the demo in such a way that it can be resumed. */
  readonly signal: AbortSignal;
}

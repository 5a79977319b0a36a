import type { Profile } from './scenario.ts';

export interface DemoOptions {
  /** By default those of the resumed demo, or `full` and 1 for a new one. */
  readonly profile: Profile | undefined;
  readonly seed: number | undefined;
  /** Directory for report, weights and predictions. */
  readonly out: string;
  /** Directory of buckets, queues and the demo's state. */
  readonly data: string;
  readonly resume: boolean;
  /** Command that resumes an interrupted run. */
  readonly resumeWith: string;
  readonly keep: boolean;
  /** Most GPU tasks at a time. */
  readonly tasks: number;
  /** Endpoint of S3 and SQS. Undefined to start the embedded server. */
  readonly endpoint: string | undefined;
  /** Port of the embedded server; 0 for any free one. */
  readonly port: number;
  readonly json: boolean;
  /** Ends the demo so that it can be resumed. */
  readonly signal: AbortSignal;
}

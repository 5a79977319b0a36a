/** How a campaign runs on this machine. */
export interface LocalOptions {
  /** Command that resumes an interrupted run. */
  readonly resumeWith: string;
  /** Whether the server keeps running at the end, until the signal. */
  readonly keep: boolean;
  /** Most GPU tasks at a time. */
  readonly tasks: number;
  /** Endpoint of S3 and SQS. Undefined to start the embedded server. */
  readonly endpoint: string | undefined;
  /** Port of the embedded server; 0 for any free one. */
  readonly port: number;
  /** Ends the run so that it can be resumed. */
  readonly signal: AbortSignal;
}

import type { LocalOptions } from '../run/options.ts';
import type { Profile } from './scenario.ts';

export interface DemoOptions extends LocalOptions {
  /** By default those of the resumed demo, or `full` and 1 for a new one. */
  readonly profile: Profile | undefined;
  readonly seed: number | undefined;
  /** Directory for report, weights and predictions. */
  readonly out: string;
  /** Directory of buckets, queues and the demo's state. */
  readonly data: string;
  readonly resume: boolean;
  readonly json: boolean;
}

import type { RoundAddress } from '../lib/federation/keys.ts';
import type { GpuTaskMessage, Stage } from '../lib/federation/schemas.ts';
import type { SiteData } from './site-data.ts';

/** The input of a stage's work: the round's terms from the message, and the site's own data. */
export interface StageInput<S extends Stage = Stage> {
  readonly stage: S;
  readonly message: GpuTaskMessage;
  readonly at: RoundAddress;
  readonly data: SiteData;
}

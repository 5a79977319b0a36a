import type { RoundAddress } from '../lib/federation/keys.ts';
import type { GpuTaskMessage, Stage } from '../lib/federation/schemas.ts';
import type { SiteData } from './site-data.ts';

/** The input of a stage: the message with the round's terms, and the site's data. */
export interface StageInput<S extends Stage = Stage> {
  readonly stage: S;
  readonly message: GpuTaskMessage;
  readonly at: RoundAddress;
  readonly data: SiteData;
}

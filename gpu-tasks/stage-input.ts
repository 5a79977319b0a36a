import type { RoundAddress } from '../lib/federation/keys.ts';
import type { GpuTaskMessage, Plan, Stage } from '../lib/federation/schemas.ts';
import type { WithdrawalRecords } from '../lib/intake/withdrawal-records.ts';
import type { SiteData } from './site-data.ts';

/** The input of a stage: the campaign's plan, the message with the round's terms, and the site's data. */
export interface StageInput<S extends Stage = Stage> {
  /** As the plan has it. */
  readonly stage: S;
  readonly message: GpuTaskMessage;
  readonly at: RoundAddress;
  readonly plan: Plan;
  /** SHA-256 of plan.json, which the site has agreed to. */
  readonly planSha256: string;
  readonly data: SiteData;
  /** The withdrawals before the work began. */
  readonly withdrawals: WithdrawalRecords;
}

import type { CampaignFlags } from '../campaign.ts';

/** Options of the command line. */
export interface PageFlags extends CampaignFlags {
  readonly site?: string;
  readonly port: number;
}

import type { CampaignFlags } from '../campaign.ts';

/** Options of the command line. */
export interface PageFlags extends CampaignFlags {
  readonly site?: string;
  /** Directory of `site run`, or of the pseudonyms of imports. */
  readonly data: string;
  readonly port: number;
}

import type { CampaignFlags } from '../campaign.ts';

/** Options of `fedcardio attack`. */
export interface AttackFlags extends CampaignFlags {
  readonly model: string;
  readonly only?: 'membership' | 'inversion';
  readonly shadows: number;
  readonly steps: number;
  readonly side: number;
  readonly iterations: number;
  readonly clip: number;
  readonly noiseMultiplier: number;
  readonly out: string;
}

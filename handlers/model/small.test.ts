import { describe, it } from 'vitest';
import { smallCampaignWith } from '../simulated-campaign.ts';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { anyScenario, harmlessScenario } from './scenario.ts';

describe('a small campaign, whatever happens', { timeout: TIMEOUT_MS }, () => {
  it('keeps every rule and ends', () =>
    checkSchedules(0.8, anyScenario, smallCampaignWith, { sweeps: true, calmTicks: 45 }));

  it('needs no sweep while nothing is lost and nobody dies', () =>
    checkSchedules(0.1, harmlessScenario, smallCampaignWith, { sweeps: false, calmTicks: 30 }));
});

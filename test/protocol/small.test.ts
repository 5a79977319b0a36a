import { describe, test } from 'vitest';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { anyScenario, harmlessScenario } from './scenario.ts';
import { smallCampaignWith } from './simulated-campaign.ts';

describe('a small campaign, whatever happens', { timeout: TIMEOUT_MS }, () => {
  test('keeps every rule and ends', () =>
    checkSchedules(0.8, anyScenario, smallCampaignWith, { sweeps: true, calmTicks: 45 }));

  test('needs no sweep while nothing is lost and nobody dies', () =>
    checkSchedules(0.1, harmlessScenario, smallCampaignWith, { sweeps: false, calmTicks: 30 }));
});

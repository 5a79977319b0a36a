import { describe, test } from 'vitest';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { anyScenario, losslessScenario } from './scenario.ts';
import { smallCampaignWith } from './simulated-campaign.ts';

describe('a small campaign, under all faults', { timeout: TIMEOUT_MS }, () => {
  test('keeps every rule and ends', () =>
    checkSchedules(0.8, anyScenario, smallCampaignWith, { sweeps: true, faultFreeTicks: 45 }));

  test('needs no sweep without losses and crashes', () =>
    checkSchedules(0.1, losslessScenario, smallCampaignWith, { sweeps: false, faultFreeTicks: 30 }));
});

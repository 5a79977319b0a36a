import { describe, test } from 'vitest';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { anyScenario, hostileScenario } from './scenario.ts';
import { lateCampaignWith } from './simulated-campaign.ts';

describe('a campaign that merges late updates in the next round', { timeout: TIMEOUT_MS }, () => {
  test('merges each once, discounted, under all faults', () =>
    checkSchedules(0.04, anyScenario, lateCampaignWith, { sweeps: true, faultFreeTicks: 75 }));

  test('merges no late update that a hostile site may not send', () =>
    checkSchedules(0.02, hostileScenario, lateCampaignWith, { sweeps: true, faultFreeTicks: 75 }));
});

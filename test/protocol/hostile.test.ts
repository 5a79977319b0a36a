import { describe, test } from 'vitest';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { hostileScenario } from './scenario.ts';
import { smallCampaignWith } from './simulated-campaign.ts';

describe('a small campaign with hostile sites, under all faults', { timeout: TIMEOUT_MS }, () => {
  test('merges exactly what is formally valid, keeps every rule and ends', () =>
    checkSchedules(0.2, hostileScenario, smallCampaignWith, { sweeps: true, faultFreeTicks: 45 }));
});

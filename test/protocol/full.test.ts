import { describe, test } from 'vitest';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { anyScenario } from './scenario.ts';
import { campaignWith } from './simulated-campaign.ts';

describe('a campaign with stages of every kind, under all faults', { timeout: TIMEOUT_MS }, () => {
  test('keeps every rule and ends', () =>
    checkSchedules(0.1, anyScenario, campaignWith, { sweeps: true, faultFreeTicks: 90 }));
});

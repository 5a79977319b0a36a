import { describe, test } from 'vitest';
import { checkSchedules, TIMEOUT_MS } from './check.ts';
import { anyScenario, hostileScenario } from './scenario.ts';
import { validatedCampaignWith } from './simulated-campaign.ts';

describe('a campaign that validates and may stop early', { timeout: TIMEOUT_MS }, () => {
  test('keeps the best model and ends, under all faults', () =>
    checkSchedules(0.04, anyScenario, validatedCampaignWith, { sweeps: true, faultFreeTicks: 75 }));

  test('is not misled by what no site may report', () =>
    checkSchedules(0.02, hostileScenario, validatedCampaignWith, { sweeps: true, faultFreeTicks: 75 }));
});

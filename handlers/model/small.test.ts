import fc from 'fast-check';
import { describe, it } from 'vitest';
import { smallCampaignWith } from '../simulated-campaign.ts';
import { runSchedule } from './run.ts';
import { anyScenario } from './scenario.ts';

describe('m', () => {
  it('x', { timeout: 300_000 }, async () => {
    let worst = 0;
    await fc.assert(
      fc.asyncProperty(anyScenario, async (scenario) => {
        worst = Math.max(worst, await runSchedule(smallCampaignWith, scenario, { sweeps: true, calmTicks: 60 }));
      }),
      { numRuns: Number(process.env.RUNS ?? 200) },
    );
    console.log('worst', worst);
  });
});

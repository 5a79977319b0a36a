import fc from 'fast-check';
import type { CampaignInput } from '../../lib/federation/schemas.ts';
import { type RunOptions, runSchedule } from './run.ts';
import type { Scenario } from './scenario.ts';

/** In CI. More of them find more: `FEDCARDIO_SCHEDULES=200000 npx vitest run test/protocol`. */
const SCHEDULES = Number(process.env.FEDCARDIO_SCHEDULES ?? 10_000);

/** Far from what all schedules take: what stops a test that hangs. */
export const TIMEOUT_MS = Math.max(600_000, SCHEDULES * 600);

/**
 * Runs this share of all schedules, each on a campaign of its own. What fails is shrunk, and printed with a seed and a
 * path: `FEDCARDIO_SEED=… FEDCARDIO_PATH=… npx vitest run <file> -t <test>` repeats it alone.
 */
export async function checkSchedules(
  share: number,
  scenarios: fc.Arbitrary<Scenario>,
  campaignOf: (quorum: Scenario['quorum']) => CampaignInput,
  options: RunOptions,
): Promise<void> {
  const { FEDCARDIO_SEED: seed, FEDCARDIO_PATH: path } = process.env;
  await fc.assert(
    fc.asyncProperty(scenarios, (scenario) => runSchedule(campaignOf, scenario, options)),
    {
      numRuns: Math.round(SCHEDULES * share),
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    },
  );
}

import fc from 'fast-check';
import type { CampaignInput } from '../../lib/federation/schemas.ts';
import { type RunOptions, runSchedule } from './run.ts';
import type { Scenario } from './scenario.ts';

/** Schedules per run of CI. To run more: `FEDCARDIO_SCHEDULES=200000 npx vitest run test/protocol`. */
const SCHEDULES = Number(process.env.FEDCARDIO_SCHEDULES ?? 750);

/** Much longer than all schedules take, so it only ends tests that hang. */
export const TIMEOUT_MS = Math.max(600_000, SCHEDULES * 600);

/**
 * Runs this share of all schedules, each on a new campaign. fast-check shrinks a failure and prints its seed and path:
 * `FEDCARDIO_SEED=… FEDCARDIO_PATH=… npx vitest run <file> -t <test>` repeats it.
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

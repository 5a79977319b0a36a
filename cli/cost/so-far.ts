import type { Campaign, Federation } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { campaignLines } from './campaign-lines.ts';
import { deployedOf } from './federation.ts';
import { totalOf } from './lines.ts';
import { PRICES, type Prices } from './prices.ts';
import { ASSUMPTIONS, type StageWork, workOf } from './workload.ts';

export interface CostSoFar {
  /** Of the rounds that have opened, USD. */
  readonly usd: number;
  /** Of the whole campaign, USD. */
  readonly usdTotal: number;
}

/**
 * What the rounds that have opened cost on AWS: the estimate of `fedcardio cost`, with its assumptions, for these rounds
 * alone. Not a bill.
 *
 * @param opened rounds that have opened, by stage
 * @throws FedcardioError BAD_CONFIGURATION for an instance type without a price
 */
export function costSoFar(
  federation: Federation,
  campaign: Campaign,
  tasks: readonly Task[],
  opened: ReadonlyMap<string, number>,
  prices: Prices = PRICES,
): CostSoFar {
  const deployed = deployedOf(federation, prices);
  const work = workOf(campaign, tasks, ASSUMPTIONS);
  const cost = (stages: readonly StageWork[]) => totalOf(campaignLines(stages, deployed, ASSUMPTIONS, prices));
  const begun = work.flatMap((stage) => partOf(stage, opened.get(stage.stage) ?? 0));
  return { usd: begun.length === 0 ? 0 : cost(begun), usdTotal: cost(work) };
}

/** The work of the first rounds of a stage. */
const partOf = (stage: StageWork, rounds: number): readonly StageWork[] =>
  rounds === 0 ? [] : [{ ...stage, rounds, gpuSeconds: (stage.gpuSeconds * rounds) / stage.rounds }];

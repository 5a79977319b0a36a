import { collect, mapConcurrently } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Outcome, outcomeSchema, planSchema, type Stage } from '../federation/schemas.ts';
import { tryReadJson } from '../storage/documents.ts';
import type { ReaderContext } from './context.ts';
import { suspicions } from './participants.ts';
import { isPaused, readPauses } from './pauses.ts';
import { roundsOf } from './plan.ts';
import { type RoundStatus, roundStatus } from './round-status.ts';
import { campaignState } from './state.ts';

export interface CampaignStatus {
  readonly campaign: string;
  /** `uploaded`: there is no plan yet. */
  readonly phase: 'uploaded' | 'running' | 'paused' | Outcome['status'];
  /** Why it failed, was cancelled or is paused. */
  readonly reason: string | undefined;
  /** ISO 8601 in UTC, like `endedAt`. */
  readonly plannedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Why the campaign cannot tolerate one malicious site. */
  readonly warnings: readonly string[];
  /** Sites whose training and held-out CTs may be parts of one scan, for campaigns that evaluate: now, not at the time. */
  readonly suspected: readonly { readonly site: string; readonly pairs: number }[];
  readonly stages: readonly StageStatus[];
}

export interface StageStatus {
  readonly name: string;
  readonly kind: Stage['kind'];
  readonly phase: 'waiting' | 'running' | 'completed';
  /** Number of rounds of the completed stage. */
  readonly total: number;
  readonly rounds: readonly RoundStatus[];
}

const READS_AT_ONCE = 16;

/** The status of a campaign, for users and dashboards. Read-only; undefined if there is no such campaign. */
export async function campaignStatus(context: ReaderContext, campaign: string): Promise<CampaignStatus | undefined> {
  const { federationStore } = context;
  const listing = await collect(federationStore.list(federationKeys.campaignPrefix(campaign)));
  if (listing.length === 0) return undefined;
  const outcome = (await tryReadJson(federationStore, federationKeys.outcome(campaign), outcomeSchema))?.value;
  const plan = (await tryReadJson(federationStore, federationKeys.plan(campaign), planSchema))?.value;
  const pauses = await readPauses(federationStore, campaign);
  const pause = outcome || !isPaused(pauses) ? undefined : pauses.at(-1);
  const stages = plan ? campaignState(plan, listing).stages : [];
  return {
    campaign,
    phase: outcome?.status ?? (pause ? 'paused' : plan ? 'running' : 'uploaded'),
    reason: outcome?.reason ?? pause?.reason,
    plannedAt: plan?.at,
    endedAt: outcome?.at,
    warnings: plan?.warnings ?? [],
    suspected: stages.some(({ stage }) => stage.kind === 'evaluate') ? await suspicions(context) : [],
    stages: await mapConcurrently(stages, READS_AT_ONCE, async ({ stage, rounds, completed }) => ({
      name: stage.name,
      kind: stage.kind,
      phase: completed ? ('completed' as const) : rounds.length > 0 ? ('running' as const) : ('waiting' as const),
      total: roundsOf(stage),
      rounds: await mapConcurrently(rounds, READS_AT_ONCE, (round) => roundStatus(context, round, pauses)),
    })),
  };
}

import { federationKeys } from '../keys.ts';
import { type Federation, outcomeSchema, planSchema, type Stage } from '../schemas.ts';
import { names } from '../topology.ts';
import { collect, mapConcurrently } from './async.ts';
import { tryReadJson } from './documents.ts';
import { roundsOf } from './plan.ts';
import type { ObjectStore } from './ports.ts';
import { type RoundStatus, roundStatus } from './round-status.ts';
import { campaignState } from './state.ts';

export interface CampaignStatus {
  readonly campaign: string;
  /** `uploaded`: no plan yet. */
  readonly phase: 'uploaded' | 'running' | 'completed' | 'failed';
  /** Why it failed. */
  readonly reason: string | undefined;
  /** ISO 8601, UTC. */
  readonly plannedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly stages: readonly StageStatus[];
}

export interface StageStatus {
  readonly name: string;
  readonly kind: Stage['kind'];
  readonly phase: 'waiting' | 'running' | 'completed';
  /** Rounds that the stage is to have. */
  readonly total: number;
  readonly rounds: readonly RoundStatus[];
}

type Reader = Pick<ObjectStore, 'tryGet' | 'list'>;

const READS_AT_ONCE = 16;

/**
 * Where a campaign stands, for people and dashboards. Reads only; undefined where there is no campaign of this name.
 */
export async function campaignStatus(
  objects: Reader,
  federation: Pick<Federation, 'id'>,
  campaign: string,
): Promise<CampaignStatus | undefined> {
  const bucket = names.federationBucket(federation.id);
  const listing = await collect(objects.list(bucket, federationKeys.campaignPrefix(campaign)));
  if (listing.length === 0) return undefined;
  const outcome = (await tryReadJson(objects, bucket, federationKeys.outcome(campaign), outcomeSchema))?.value;
  const plan = (await tryReadJson(objects, bucket, federationKeys.plan(campaign), planSchema))?.value;
  const stages = plan ? campaignState(plan, listing).stages : [];
  return {
    campaign,
    phase: outcome?.status ?? (plan ? 'running' : 'uploaded'),
    reason: outcome?.reason,
    plannedAt: plan?.at,
    endedAt: outcome?.at,
    stages: await mapConcurrently(stages, READS_AT_ONCE, async ({ stage, rounds, completed }) => ({
      name: stage.name,
      kind: stage.kind,
      phase: completed ? ('completed' as const) : rounds.length > 0 ? ('running' as const) : ('waiting' as const),
      total: roundsOf(stage),
      rounds: await mapConcurrently(rounds, READS_AT_ONCE, (round) => roundStatus(objects, bucket, stage, round)),
    })),
  };
}

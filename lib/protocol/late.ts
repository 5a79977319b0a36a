import { lateFactorOf } from '../aggregation/shares.ts';
import { federationKeys } from '../federation/keys.ts';
import { commitSchema, type Open, openSchema } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { readJson } from '../storage/documents.ts';
import { trains } from './plan.ts';

/**
 * Semi-synchronous rounds (docs/decisions, "A late update counts once, in the next round"): with `aggregation.lateFactor`,
 * an update that comes after its round was sealed is merged by the next round.
 */

/**
 * The terms of the round before, with those of its participants whose updates it did not merge.
 *
 * @returns undefined if the round merges no late updates
 */
export async function missedBefore(
  store: Pick<FederationStore, 'bucket' | 'tryGet'>,
  { campaign, stage, round, config }: Open,
): Promise<Open | undefined> {
  if (round === 1 || !trains(config, round) || lateFactorOf(config.aggregation) === undefined) return undefined;
  const at = { campaign, stage, round: round - 1 };
  const [open, commit] = await Promise.all([
    readJson(store, federationKeys.open(at), openSchema),
    readJson(store, federationKeys.commit(at), commitSchema),
  ]);
  const merged = new Set(commit.value.sites);
  return { ...open.value, participants: open.value.participants.filter(({ site }) => !merged.has(site)) };
}

/**
 * Until when a GPU task's answer is of use: the deadline of its round, or about that of the next one, which merges it late.
 *
 * @param deadline the round's deadline, extended by pauses
 */
export function usefulUntil({ config, round }: Pick<Open, 'config' | 'round'>, deadline: Date): Date {
  const isLate = trains(config, round) && lateFactorOf(config.aggregation) !== undefined;
  return isLate ? new Date(deadline.getTime() + 1000 * config.quorum.deadlineSeconds) : deadline;
}

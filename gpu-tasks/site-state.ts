import { collect } from '../lib/async.ts';
import { describeError, endSentence, FedcardioError } from '../lib/error.ts';
import { type RoundAddress, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import { parseSafetensorsHeader } from '../lib/weights/safetensors-header.ts';
import type { Weights } from '../lib/weights/weights.ts';

/**
 * State that a site carries from round to round in its own bucket. Keys name the round, so a retry reads the same state. Files name
 * the plan: a campaign that was deleted and planned again under its name begins without the state of the first.
 */

/** The file of a state. */
export const encodeState = (weights: Weights, planSha256: string): Uint8Array =>
  encodeSafetensors(weights, { plan: planSha256 });

/** AdamW's moments after a round at this site; undefined if the site did not take part. */
export const readOptimizer = (store: SiteStore, at: RoundAddress, planSha256: string) =>
  readState(store, siteKeys.optimizer(at), planSha256);

/**
 * The states that nobody reads any more, once a round has its update: all but the last one before it. The round's own is for the next
 * one, and the last one before it for a GPU task of this round that a message which was delivered twice has started.
 */
export async function outdatedStates(
  store: Pick<SiteStore, 'list'>,
  at: RoundAddress,
  stateKeys: readonly ((at: RoundAddress) => SiteKey)[],
): Promise<readonly SiteKey[]> {
  if (at.round <= 2 || stateKeys.length === 0) return [];
  const listed = new Set((await collect(store.list(siteKeys.checkpointPrefix(at)))).map(({ key }) => key));
  const rounds = Array.from({ length: at.round - 1 }, (_, index) => ({ ...at, round: index + 1 }));
  return stateKeys.flatMap((keyOf) =>
    rounds
      .map(keyOf)
      .filter((key) => listed.has(key))
      .slice(0, -1),
  );
}

/**
 * The parameters that stay at the site, after the last round up to `at` that the site took part in; undefined if it took
 * part in none.
 */
export async function readLocalParameters(
  store: SiteStore,
  at: RoundAddress,
  planSha256: string,
): Promise<Weights | undefined> {
  for (let round = at.round; round >= 1; round--) {
    const found = await readState(store, siteKeys.localParameters({ ...at, round }), planSha256);
    if (found) return found;
  }
  return undefined;
}

/** A state; undefined if it is missing or of another plan. */
async function readState(store: SiteStore, key: SiteKey, planSha256: string): Promise<Weights | undefined> {
  const stored = await store.tryGet(key);
  if (!stored) return undefined;
  try {
    // Earlier releases named no plan.
    const { plan = planSha256 } = parseSafetensorsHeader(stored.body).metadata;
    return plan === planSha256 ? decodeSafetensors(stored.body) : undefined;
  } catch (cause) {
    const reason = endSentence(`s3://${store.bucket}/${key} cannot be read: ${describeError(cause)}`);
    throw new FedcardioError('STORAGE', reason, {
      cause,
      hint: 'Restore an earlier version, or delete the object: the site then begins without this state.',
    });
  }
}

import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { collect } from '../federation/protocol/async.ts';
import { createJson, readJson } from '../federation/protocol/documents.ts';
import { endCampaign } from '../federation/protocol/outcome.ts';
import { stageOf } from '../federation/protocol/plan.ts';
import { roundStates } from '../federation/protocol/state.ts';
import { openSchema, planSchema, sealSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { commitRound } from './commit-round.ts';
import { digestOf, mergeEntries } from './merge-entries.ts';
import type { RoundContext } from './round-context.ts';
import { settleRound } from './settle-round.ts';

/** What a look at a round found or did. */
export type RoundResult = 'not-open' | 'ended' | 'waiting' | 'failed' | 'committed';

/**
 * Looks at a round and closes it when its time has come: merges the updates, seals them, publishes the commit. Seal
 * and commit are created once and read by all others, so that any number of callers at once, or after a crash at any
 * point, arrive at one commit. A round that cannot be closed ends its campaign, with the reason.
 */
export async function closeRound(context: RoundContext, at: RoundAddress): Promise<RoundResult> {
  const { objects, federation } = context;
  const bucket = names.federationBucket(federation.id);
  const prefix = federationKeys.round(at);
  const round = roundStates(await collect(objects.list(bucket, prefix))).get(prefix);
  if (!round) return 'not-open';
  if (round.phase === 'committed') return 'committed';
  if (await objects.head(bucket, federationKeys.outcome(at.campaign))) return 'ended';

  const plan = await readJson(objects, bucket, federationKeys.plan(at.campaign), planSchema);
  const open = await readJson(objects, bucket, federationKeys.open(at), openSchema);
  const terms = { bucket, open: open.value, stage: stageOf(plan.value, at.stage) };
  const fail = async (reason: string): Promise<RoundResult> => {
    await endCampaign(context, at.campaign, 'failed', reason);
    return 'failed';
  };

  if (round.phase === 'open') {
    const settled = await settleRound(context, terms, round.answers);
    if (settled.kind === 'wait') return 'waiting';
    if (settled.kind === 'fail') return fail(settled.reason);
    const { updates, failed, global } = settled;
    const seal = await createJson(objects, bucket, federationKeys.seal(at), sealSchema, {
      schema: 'fedcardio.seal/1',
      ...at,
      at: context.now().toISOString(),
      open: open.sha256,
      updates,
      failed,
    });
    // Another seal may have been first; then its updates are to be merged, and these are late.
    if (digestOf(seal.value.updates) === digestOf(updates)) {
      await commitRound(context, terms, seal, global);
      return 'committed';
    }
  }
  const seal = await readJson(objects, bucket, federationKeys.seal(at), sealSchema);
  const merged = await mergeEntries(objects, terms, seal.value.updates);
  if (merged.kind === 'merged') {
    await commitRound(context, terms, seal, merged.global);
    return 'committed';
  }
  const changed = merged.refused.map(({ input, reason }) => `${input.site}: ${reason}`).join('; ');
  return fail(`Round ${at.round} of ${at.stage} failed: updates have changed since they were sealed. ${changed}.`);
}
